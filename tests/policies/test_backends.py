"""Every back end proves every policy: held against torch.compile itself, guards kept, with the same back end."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import PROFILE, CaseReport, Outcome, Policy, Result
from steadygraph.torch_private import may_differ_below

Call = tuple[tuple[Any, ...], dict[str, Any]]
THREE = (Policy.RECOMPILE, Policy.DROP, Policy.SHAPES_ONLY)


class Counting(nn.Module):
    """Writes to a buffer, has two modes, and breaks its graph between the two."""

    total: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("total", torch.zeros(4))

    def forward(self, x: torch.Tensor, mode: str = "plain") -> torch.Tensor:
        self.total.add_(x.sum(0))
        hidden = self.layer(x) + self.total
        torch._dynamo.graph_break()
        return hidden.relu() if mode == "relu" else hidden * 2


class Writing(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        x.add_(1)
        y.mul_(2)
        return x + y


def slices(second: int) -> Call:
    memory = torch.arange(8.0)
    return (memory[:4], memory[second : second + 4]), {}


def seeded(build: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return build()


def outcomes(report: CaseReport, scenario: str) -> dict[tuple[str, str], Outcome]:
    return {(o.policy, o.backend): o for s in report.scenarios if s.name == scenario for o in s.outcomes}


CALLS: dict[str, Call] = {
    "relu": ((torch.ones(2, 4), "relu"), {}),
    "again": ((torch.ones(2, 4),), {}),
    "longer": ((torch.ones(3, 4), "relu"), {}),
    "longest": ((torch.ones(5, 4), "relu"), {}),
}


def counting() -> Case:
    return Case(build=lambda: seeded(Counting), profile=lambda: ((torch.ones(2, 4),), {}), serving=lambda: CALLS)


def test_with_guards_kept_calls_compile_as_often_as_under_torch_compile_and_give_the_same() -> None:
    torch._dynamo.reset()
    counter = CompileCounterWithBackend("aot_eager")
    model, plain = seeded(Counting), seeded(Counting)
    compiled = torch.compile(model, backend=counter)
    graphs = []
    for args, kwargs in [((torch.ones(2, 4),), {}), *CALLS.values()]:
        torch.testing.assert_close(compiled(*args, **kwargs), plain(*args, **kwargs))
        graphs.append(counter.frame_count)

    report = analyze_case(counting(), Settings(policies=(Policy.RECOMPILE,), backends=("aot_eager",)))

    proved = [outcomes(report, name)[Policy.RECOMPILE, "aot_eager"] for name in CALLS]
    assert {one.result for one in proved} <= {Result.SAME, Result.RECOMPILES}
    assert [one.recompiles for one in proved] == [after - before for before, after in pairwise(graphs)]


def test_every_back_end_that_is_asked_for_proves_every_policy() -> None:
    report = analyze_case(counting(), Settings(policies=THREE, backends=("eager", "aot_eager")))

    assert list(outcomes(report, "relu")) == [
        (policy, backend) for policy in THREE for backend in ("eager", "aot_eager")
    ]
    assert {o.shown_by for s in report.scenarios for o in s.outcomes} == {None}


def test_inputs_that_overlap_at_serving_are_wrong_below_dynamo_whether_that_is_asked_for_or_not() -> None:
    case = Case(build=Writing, profile=lambda: slices(4), serving=lambda: {"apart": slices(4), "overlap": slices(2)})

    unasked = analyze_case(case, Settings(policies=THREE))
    asked = analyze_case(case, Settings(policies=THREE, backends=("eager", "aot_eager")))

    # x = [1, 2, 3, 4] and y = [3, 4, 4, 5] * 2 in one memory, against two copies of it: 2 and 3 are doubled in y alone.
    results = {key: (one.result, one.max_abs_error, one.shown_by) for key, one in outcomes(unasked, "overlap").items()}
    assert results == {(policy, "eager"): (Result.SILENT_WRONG, 4.0, "aot_eager") for policy in THREE}
    assert {one.result for one in outcomes(unasked, "apart").values()} == {Result.SAME}
    for policy in THREE:
        assert outcomes(asked, "overlap")[policy, "eager"].result is Result.SAME
        assert outcomes(asked, "overlap")[policy, "aot_eager"].result is Result.SILENT_WRONG


def test_an_entry_for_one_tensor_answers_no_other_and_what_runs_instead_is_no_proof() -> None:
    def static(value: float) -> Call:
        tensor = torch.full((3,), value)
        torch._dynamo.mark_static_address(tensor, guard=True)
        return (tensor,), {}

    class Scale(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2

    case = Case(build=Scale, profile=lambda: static(1.0), serving=lambda: {"other": static(2.0)})

    report = analyze_case(case, Settings(policies=(Policy.RECOMPILE,), backends=("aot_eager",)))

    (proved,) = outcomes(report, "other").values()
    assert (proved.result, proved.predicted) == (Result.UNPROVED, Result.RECOMPILES)


GRAPHS: dict[str, tuple[Callable[[torch.Tensor], object], bool]] = {
    "arithmetic": (lambda x: x * 2 + 1, False),
    "a view that is used": (lambda x: x.view(4) * 2, False),
    "dropout, which only draws": (lambda x: nn.functional.dropout(x, 0.5, True), False),
    "a write to an input": (lambda x: x.add_(1), True),
    "a write to a view of an input": (lambda x: x.view(4)[1:].add_(1), True),
    "an assignment to a slice": (lambda x: x.__setitem__(0, 1.0), True),
    "an addition to an input": (lambda x: operator.iadd(x, 1), True),
    "an activation in place": (lambda x: nn.functional.relu(x, inplace=True), True),
    "an input to which another is written": (lambda x: torch.add(x, 1, out=x), True),
    "a write to what the graph made": (lambda x: x.clone().add_(1), False),
    "a write of an input to what the graph made": (lambda x: x.new_zeros(2, 2).copy_(x), False),
    "an assignment to a slice of what the graph made": (lambda x: x.new_zeros(2, 2).__setitem__(0, x[1]), False),
    "an activation in place of what the graph made": (lambda x: nn.functional.relu(x * 2, inplace=True), False),
    "a write to a copy that may be none": (lambda x: x.contiguous().add_(1), True),
    "statistics of a batch": (
        lambda x: nn.functional.batch_norm(x, torch.zeros(2), torch.ones(2), training=True),
        True,
    ),
    "a view of an input that is returned": (lambda x: x[:1], True),
    "memory beyond a view": (lambda x: x.as_strided((2,), (1,), 1) * 2, True),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_write_or_return_views_may_differ_below_dynamo(name: str) -> None:
    function, differs = GRAPHS[name]
    found = []

    def backend(module: torch.fx.GraphModule, _inputs: object) -> Any:
        found.append(may_differ_below(module))
        return module.forward

    torch._dynamo.reset()
    torch.compile(lambda x: (function(x), x + 1), backend=backend)(torch.arange(4.0).reshape(2, 2))

    assert found == [differs]


def test_autocast_in_a_graph_may_differ_where_it_is_on() -> None:
    found = []

    def backend(module: torch.fx.GraphModule, _inputs: object) -> Any:
        found.append(may_differ_below(module))
        return module.forward

    for enabled in (True, False):
        torch._dynamo.reset()

        def function(x: torch.Tensor, enabled: bool = enabled) -> torch.Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
                return x @ x

        torch.compile(function, backend=backend)(torch.ones(2, 2))

    assert found == [True, False]


class Loss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).square().mean()


def later(name: str) -> contextlib.AbstractContextManager[Any]:
    return torch.set_grad_enabled(name != PROFILE)


@pytest.mark.parametrize(("backward", "result"), [(False, Result.SILENT_WRONG), (True, Result.RAISES)])
def test_a_training_step_on_the_graph_of_a_warm_up_without_gradients_has_none(backward: bool, result: Result) -> None:
    calls: Call = ((torch.ones(2, 4),), {})
    case = Case(build=Loss, profile=lambda: calls, serving=lambda: {"step": calls}, context=later, backward=backward)

    report = analyze_case(case, Settings(backends=("aot_eager",)))

    kept, dropped = outcomes(report, "step").values()
    assert kept.result is Result.RECOMPILES
    assert dropped.result is result


def test_the_gradient_of_a_parameter_that_was_frozen_at_warm_up_is_lost_without_guards() -> None:
    def freeze(model: Any, name: str) -> None:
        model.first.requires_grad_(name == "thawed")

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(x)).sum()

    calls: Call = ((torch.ones(1, 2),), {})
    case = Case(build=Two, profile=lambda: calls, serving=lambda: {"thawed": calls}, before=freeze, backward=True)

    report = analyze_case(case, Settings())

    kept, dropped = outcomes(report, "thawed").values()
    assert kept.result is Result.RECOMPILES
    assert (dropped.result, dropped.shown_by) == (Result.SILENT_WRONG, "aot_eager")
    assert (
        dropped.error
        == "output['gradients']['model.first.weight']: torch.float32[2, 2] on cpu in eager mode, None here"
    )
