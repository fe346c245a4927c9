"""What a model compiles itself: by which names it is known, what is counted, and what is left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from steadygraph.model import Checked, Observation
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import cache_entries

pytestmark = pytest.mark.usefixtures("nothing_compiled")

X = torch.linspace(-1, 1, 8).reshape(2, 4)
COMPILED: dict[str, Any] = {"backend": "eager"}


class Tail(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.relu()


class Head(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1

    @torch.compile(**COMPILED)
    def halved(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2


class Gate(nn.Module):
    @torch.compile(**COMPILED)
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sigmoid()


def plain(x: torch.Tensor) -> torch.Tensor:
    return x - 1


class Model(nn.Module):
    """Calls ``body``, given the model, and then the region."""

    def __init__(self, body: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.tail, self.parts, self.body = Tail(), nn.ModuleDict(parts), body

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tail(self.body(self.parts, x))


def observed(model: Model, *calls: torch.Tensor) -> list[Observation]:
    """Of the profile call and serving calls, without those of the region."""
    session = CompileSession([("tail", model.tail)], options={}, backends={}, model=model)
    with session.guards_kept(), session.calling(), torch.no_grad():
        for name, x in zip(("profile", "serving", "later"), calls, strict=False):
            session.start(name)
            model(x)
    session.close()
    assert session.failure is None
    return [one for one in session.observations if one.region != "tail"]


def in_place(module: nn.Module) -> nn.Module:
    module.compile(**COMPILED)
    return module


@pytest.mark.parametrize(
    ("body", "part", "name"),
    [
        (lambda parts, x: torch.compile(plain, **COMPILED)(x), nn.Identity(), "plain"),
        (lambda parts, x: parts["own"](x), in_place(Head()), "parts.own"),
        (lambda parts, x: parts["own"](x), torch.compile(Head(), **COMPILED), "parts.own"),
        (lambda parts, x: parts["own"](x), torch.compile(nn.Sequential(nn.ReLU()), **COMPILED), "parts.own"),
        (lambda parts, x: parts["own"](x), Gate(), "parts.own"),
        (lambda parts, x: parts["own"].halved(x), Head(), "parts.own.halved"),
        (lambda parts, x: ELSEWHERE(x), nn.Identity(), "Head"),
    ],
    ids=["function", "in place", "wrapped", "container", "decorated forward", "decorated method", "not in the model"],
)
def test_a_module_is_known_by_its_name_in_the_model_and_a_function_by_its_qualified_name(
    body: Callable[..., Any], part: nn.Module, name: str
) -> None:
    found = observed(Model(body, own=part), X, X)

    assert [(one.region, one.call, one.recompiles) for one in found] == [(name, "profile", 0), (name, "serving", 0)]
    assert [len(one.graphs) for one in found] == [1, 1]


ELSEWHERE = torch.compile(Head(), **COMPILED)


def test_two_functions_of_one_name_are_told_apart_by_their_lines() -> None:
    first = torch.compile(lambda x: x + 1, **COMPILED)
    second = torch.compile(lambda x: x * 2, **COMPILED)

    found = observed(Model(lambda parts, x: second(first(x))), X)

    here = test_two_functions_of_one_name_are_told_apart_by_their_lines.__code__
    name = f"{here.co_name}.<lambda>"
    assert [one.region for one in found] == [name, f"{name} (test_entry_points.py:{here.co_firstlineno + 2})"]


def test_functions_under_one_decorator_are_told_apart_and_their_arguments_named() -> None:
    first = torch.compile(torch.no_grad()(lambda x, by: x if by == "a" else x * 2), **COMPILED)
    second = torch.compile(torch.no_grad()(lambda x, to: x + 1 if to == "b" else x), **COMPILED)
    words = iter([("c", "b"), ("c", "b"), ("c", "d")])

    def body(parts: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
        by, to = next(words)
        return second(first(x, by), to)

    found = observed(Model(body), X, X, X)

    told = [[guard.path for guard in one.violated_guards] for one in found]
    assert told == [[], [], [], [], [], ["to"]]


def test_a_function_that_is_compiled_anew_in_every_call_is_one_and_compiled_once() -> None:
    found = observed(Model(lambda parts, x: torch.compile(plain, **COMPILED)(x)), X, X, X)

    assert [(one.first_compiles, one.recompiles) for one in found] == [(1, 0), (0, 0), (0, 0)]


def test_an_argument_that_changes_is_a_violated_guard_which_is_always_checked() -> None:
    found = observed(Model(lambda parts, x: COMPILED_PLAIN(x)), X, X.double())

    (guard,) = found[1].violated_guards
    assert (guard.path, guard.expected, guard.actual) == ("x.dtype", "torch.float32", "torch.float64")
    assert (guard.checked, guard.region) == (Checked.ALWAYS, "plain")
    assert [one.recompiles for one in found] == [0, 1]


COMPILED_PLAIN = torch.compile(plain, **COMPILED)


def test_what_was_compiled_before_is_known_and_stays() -> None:
    with torch.no_grad():
        COMPILED_PLAIN(X)
    before = len(cache_entries(plain.__code__))

    found = observed(Model(lambda parts, x: COMPILED_PLAIN(x)), X, X.double())

    assert [(one.first_compiles, one.recompiles) for one in found] == [(0, 0), (0, 1)]
    assert [guard.path for guard in found[1].violated_guards] == ["x.dtype"]
    assert before == 1
    assert len(cache_entries(plain.__code__)) >= before


def test_what_was_compiled_meanwhile_is_gone_afterwards() -> None:
    observed(Model(lambda parts, x: COMPILED_PLAIN(x)), X)

    assert cache_entries(plain.__code__) == []


def test_a_forward_that_is_replaced_between_calls_is_compiled_in_its_place() -> None:
    model = Model(lambda parts, x: x)
    session = CompileSession([("tail", model.tail)], options={}, backends={}, model=model)
    results = []
    with session.guards_kept():
        for name, forward in (("profile", model.tail.forward), ("serving", plain), ("later", plain)):
            model.tail.forward = forward
            session.start(name)
            with session.calling():
                results.append(model(X))
            assert model.tail.forward is forward  # the user's own, whenever the user looks
    session.close()

    assert [torch.equal(*pair) for pair in zip(results, (X.relu(), X - 1, X - 1), strict=True)] == [True] * 3
    assert [(one.first_compiles, one.recompiles) for one in session.observations] == [(1, 0), (0, 1), (0, 0)]
    told = [
        [(guard.path, guard.expected, guard.actual) for guard in one.violated_guards] for one in session.observations
    ]
    replaced = ("self.forward", "Tail.forward", "plain")
    assert told == [[], [replaced], [replaced]]
