"""Of several entries the one that nearly fits tells what is violated."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state


class Decoder(nn.Module):
    def forward(self, x: Tensor, mode: str, flag: bool = False) -> Tensor:
        x = x * 2 if mode == "decode" else x + 1
        return x if flag else -x


@pytest.mark.parametrize(
    ("serving", "told"),
    [
        ((torch.ones(3), "decode"), []),
        ((torch.ones(3), "verify"), [("mode", "'decode'", "'verify'")]),
        ((torch.ones(5), "verify"), [("mode", "'prefill'", "'verify'")]),
        ((torch.ones(5), "decode", True), [("x.shape[0]", "3", "5"), ("flag", "False", "True")]),
    ],
    ids=["one entry fits", "nearer to the first", "nearer to the second", "as near to both, and the first is taken"],
)
def test_a_call_is_held_against_the_entry_that_it_violates_least(
    serving: tuple[object, ...], told: list[tuple[str, str, str]]
) -> None:
    with own_dynamo_state():
        session = CompileSession([("", model := Decoder())], options={"dynamic": False}, backends={})
        with session.guards_kept(), session.calling():
            model(torch.ones(3), "decode")
            model(torch.ones(5), "prefill")
            session.start("serving")
            model(*serving)
        session.close()

    found = session.observations[-1].violated_guards
    assert [(guard.path, guard.expected, guard.actual) for guard in found] == told


class Attention(nn.Module):
    def forward(self, x: Tensor, y: Tensor, past: Tensor | None) -> Tensor:
        return x.sum() + y.sum() if past is None else x.sum() + past.sum()


def test_an_entry_for_other_kinds_of_arguments_was_not_meant_where_only_sizes_are_in_the_way_of_a_second_one() -> None:
    with own_dynamo_state():
        session = CompileSession([("", model := Attention())], options={"dynamic": False}, backends={})
        with session.guards_kept(), session.calling():
            model(torch.ones(3), torch.ones(4), None)
            model(torch.ones(5), torch.ones(6), torch.ones(2))
            session.start("serving")
            model(torch.ones(5), torch.ones(6), None)
        session.close()

    found = session.observations[-1].violated_guards
    assert [(guard.path, guard.dim, guard.expected, guard.actual) for guard in found] == [
        ("x.shape[0]", 0, "3", "5"),
        ("y.shape[0]", 0, "4", "6"),
    ]
