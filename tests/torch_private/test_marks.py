"""Broken marks: torch refuses them here, and the calculation of what the code asks for is done by hand."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from steadygraph.observe.places import locations
from steadygraph.torch_private import (
    guard_errors_raised_only,
    own_dynamo_state,
    violated_marks,
    violations_ignored,
    with_own_code,
)


@pytest.fixture(autouse=True)
def _own_dynamo() -> Iterator[None]:
    with own_dynamo_state():
        yield


def refused(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Exception:
    with pytest.raises(RuntimeError) as caught:
        torch.compile(with_own_code(function), backend="eager")(*args, **kwargs)
    return caught.value


def marked(rows: int, **bounds: int) -> torch.Tensor:
    x = torch.ones(rows, 8)
    torch._dynamo.mark_dynamic(x, 0, **bounds)
    return x


def branching(x):
    return x + 1 if x.shape[0] == 4 else x * 2


def adding(x, layers):
    y = x * 2
    return y + layers["deep"][0] + torch.ones(6, 8)


def bounded(x):
    return x + 1 if x.shape[0] <= 16 else x * 2


def test_a_size_that_is_compared_is_a_constant_at_the_line_that_compares_it() -> None:
    error = refused(branching, marked(4))

    (found,) = violated_marks(error)

    line = branching.__code__.co_firstlineno + 1
    where = locations.of_trace(found.trace)
    assert (found.path, found.dim, found.equal) == ("x", 0, "4")
    assert where is not None
    assert (where.path, where.line) == (__file__, line)


def test_each_mark_that_is_broken_is_told_by_the_path_of_its_tensor() -> None:
    error = refused(adding, marked(6), {"deep": [marked(6)]})

    found = violated_marks(error)

    assert {(one.path, one.dim, one.equal) for one in found} == {("x", 0, "6"), ("layers['deep'][0]", 0, "6")}


def test_bounds_that_the_code_narrows_are_told_as_the_condition_that_it_needs() -> None:
    error = refused(bounded, marked(4, min=2, max=64))

    (found,) = violated_marks(error)

    assert (found.path, found.dim, found.equal) == ("x", 0, "")
    assert [eval(found.condition, {"x": torch.ones(rows, 1)}) for rows in (4, 16, 17, 64)] == [True, True, False, False]


def test_other_errors_are_about_no_mark() -> None:
    assert violated_marks(RuntimeError("Constraints violated (L['x'].size()[0])!")) == ()


def test_a_mark_that_is_a_wish_gives_the_constant_and_another_size_another_graph() -> None:
    compiled = torch.compile(with_own_code(branching), backend="eager")

    with violations_ignored():
        results = [compiled(marked(4)), compiled(torch.ones(5, 8))]

    assert [float(one.max()) for one in results] == [2.0, 2.0]
    assert [float(one.min()) for one in results] == [2.0, 2.0]
    refused(branching, marked(4))


def test_an_error_of_a_guard_is_logged_outside_of_the_block_only() -> None:
    heard = logging.handlers.BufferingHandler(1000)
    torch_log = logging.getLogger("torch._guards")
    torch_log.addHandler(heard)
    try:
        with guard_errors_raised_only():
            refused(branching, marked(4))
        within = len(heard.buffer)
        refused(branching, marked(4))
    finally:
        torch_log.removeHandler(heard)

    assert within == 0
    assert len(heard.buffer) > 0
