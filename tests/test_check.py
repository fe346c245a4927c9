"""``steadygraph.check``: a model and its calls in one line."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import nn

import steadygraph
from steadygraph import Call, CaseError, UsageError


class Adding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: torch.Tensor, mask: Any = None, cache: Any = None) -> torch.Tensor:
        h = self.layer(x)
        self.calls += 1
        if cache is not None:
            cache.copy_(h)
        return h if mask is None else h * mask


def rules(report: steadygraph.Report) -> list[tuple[str, str | None]]:
    return [(one.rule, one.scenario) for one in report.findings]


@pytest.mark.parametrize(
    "masked",
    [
        lambda x, m: (x, m),
        lambda x, m: {"x": x, "mask": m},
        lambda x, m: Call((x,), {"mask": m}),
        lambda x, m: lambda: (x, m),
    ],
    ids=["tuple", "dict", "Call", "function"],
)
def test_a_call_is_a_tuple_a_dict_a_call_or_a_function_of_one(masked: Any) -> None:
    x, mask = torch.randn(3, 4), torch.zeros(3, 4)

    report = steadygraph.check(Adding().eval(), profile=(x,), image=masked(x, mask))

    assert rules(report) == [("SG101", "image")]


def test_model_and_arguments_are_afterwards_what_they_were() -> None:
    model, x, cache = Adding().eval(), torch.randn(3, 4), torch.ones(3, 4)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    before, storage = x.clone(), cache.data_ptr()

    steadygraph.check(model, profile=(x, None, cache), again=(x, None, cache))

    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(x, before)
    assert torch.equal(cache, torch.ones(3, 4))
    assert cache.data_ptr() == storage


def test_results_of_other_modules_and_weights_of_the_model_may_be_arguments() -> None:
    model = Adding().eval()
    computed = nn.Linear(4, 4)(torch.randn(3, 4))
    assert not computed.is_leaf

    report = steadygraph.check(model, profile=(computed,), same=(computed,), weight=(model.layer.weight,))

    assert {scenario for _, scenario in rules(report)} == {"weight"}


def test_a_function_is_checked_as_a_module_is() -> None:
    def scaled(x: torch.Tensor, factor: int = 1) -> torch.Tensor:
        return x * factor

    report = steadygraph.check(scaled, profile=(torch.randn(3),), twice=(torch.randn(3), 2))

    assert rules(report) == [("SG201", "twice")]
    assert report.cases[0].target.endswith("scaled")


def test_a_report_is_printed_in_full() -> None:
    report = steadygraph.check(nn.ReLU(), profile=(torch.ones(3),), again=(torch.ones(3),))

    assert str(report).splitlines()[1:] == [
        "  no findings: recompile and drop change nothing in again",
        "",
        "1 case, 0 errors, 0 warnings, 0 notes",
    ]


@pytest.mark.parametrize(
    ("calls", "problem", "hint"),
    [
        (
            {"profile": (torch.ones(3),)},
            "there is no serving call",
            "add one under a name of its own: image=(x, mask)",
        ),
        (
            {"profile": torch.ones(3), "again": (torch.ones(3),)},
            "the call 'profile' is a Tensor",
            "write (x, y), {'x': x}, steadygraph.Call((x,), {'y': y}), or a function that returns one of them",
        ),
        (
            {"profile": (torch.ones(3),), "again": lambda: 3},
            "the call 'again' is an int",
            "write (x, y), {'x': x}, steadygraph.Call((x,), {'y': y}), or a function that returns one of them",
        ),
        (
            {"profile": (torch.ones(3),), "again": (torch.ones(3), threading.Lock())},
            "the arguments of 'again' cannot be copied: TypeError: cannot pickle '_thread.lock' object",
            "give a function that makes them: again=lambda: (...)",
        ),
    ],
    ids=["no serving", "a tensor", "a function of a number", "a lock"],
)
def test_calls_that_are_none_are_wrong_use(calls: dict[str, Any], problem: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        steadygraph.check(Adding().eval(), **calls)

    assert (caught.value.problem, caught.value.hint) == (problem, hint)


@pytest.mark.parametrize("model", [3, nn.ReLU, torch.compile(nn.ReLU(), backend="eager")], ids=str)
def test_what_is_no_plain_module_is_refused(model: Any) -> None:
    with pytest.raises(CaseError):
        steadygraph.check(model, profile=(torch.ones(3),), again=(torch.ones(3),))
