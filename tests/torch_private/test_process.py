"""Dynamo's memory and habits in a block of our own, and after it."""

from collections.abc import Iterator

import pytest
import torch
from torch._dynamo import guards

from steadygraph.torch_private import own_dynamo_state


@pytest.fixture(autouse=True)
def _nothing_left_compiled() -> Iterator[None]:
    """Dynamo compiles a builtin under one code object for all: what another test compiles would be compiled again."""
    yield
    torch.compiler.reset()


def test_how_long_guards_take_is_measured_outside_of_a_block_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    monkeypatch.setattr(guards, "profile_guard_manager", lambda *_: float(measured.append("once") or 1))
    torch.compiler.reset()

    with own_dynamo_state():
        torch.compile(torch.neg, backend="eager")(torch.ones(2))
    inside = list(measured)
    torch.compile(torch.abs, backend="eager")(torch.ones(2))

    assert inside == []
    assert measured == ["once"]
