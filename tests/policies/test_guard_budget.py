"""Policy ``budget`` and torch's own filters: held against plain torch.compile, and against what is known by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from steadygraph import Case, Report, Result, UsageError, analyze
from steadygraph.model import Consequence, Policy
from steadygraph.report.json import budgets

OWN = [policy for policy in Policy if policy.value.endswith("_unsafe")]


class Model(nn.Module):
    """Each serving call violates one kind of guard."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.scale = 2.0

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, steps: int = 1) -> torch.Tensor:
        x = self.linear(x) * self.scale
        for _ in range(steps):
            x = x + 1
        return x if mask is None else x * mask


def build() -> Model:
    torch.manual_seed(0)
    return Model()


def before(model: nn.Module, name: str) -> None:
    model.scale = 3.0 if name == "scaled" else 2.0


def serving() -> dict[str, Any]:
    x, mask = torch.ones(2, 4), torch.zeros(2, 4)
    return {
        "plain": ((x,), {}),
        "masked": ((x, mask), {}),
        "stepped": ((x,), {"steps": 3}),
        "scaled": ((x,), {}),
        "batch_of_one": ((torch.ones(1, 4),), {}),
        "plain_again": ((x,), {}),
    }


def case() -> Case:
    return Case(build=build, profile=lambda: ((torch.ones(2, 4),), {}), serving=serving, before=before, target="model")


@pytest.fixture(scope="module")
def report() -> Report:
    return analyze(case(), policies=["budget", *OWN])


def test_every_call_that_is_wrong_without_guards_is_compiled_and_every_other_is_as_it_was(report: Report) -> None:
    for name in serving():
        kept = report.outcome(name, "budget").result
        # With inductor the graph of the profile call would raise for another size.
        wrong = report.outcome(name, "drop").consequence in (Consequence.SILENT_WRONG, Consequence.RAISES)
        assert kept is (Result.RECOMPILES if wrong else Result.SAME), name


def test_one_guard_is_kept_for_each_kind_of_wrong_call(report: Report) -> None:
    kept = [one for one in report.budget.kept if one.made_for == "profile"]

    assert {one.says: one.protects for one in kept} == {
        "mask is None": ("masked",),
        "steps == 1": ("stepped",),
        "self.scale == 2.0": ("scaled",),
        "x is a tensor as it was (dtype, device, strides, fixed sizes)": ("batch_of_one",),
    }
    assert report.budget.wrong == ("masked", "stepped", "scaled", "batch_of_one")
    assert (report.budget.unprotected, report.budget.notes) == ((), ())


def test_the_budget_costs_more_than_nothing_and_less_than_everything(report: Report) -> None:
    price = {each.name: each.us_per_call or 0.0 for each in report.budget.sets}

    assert price["none"] <= price["budget"] < price["all"]


@pytest.mark.parametrize("policy", OWN, ids=str)
@pytest.mark.usefixtures("nothing_compiled")
def test_a_filter_of_torchs_does_what_it_does_in_plain_torch(report: Report, policy: Policy) -> None:
    expected = dict(in_plain_torch(policy))

    results = {name: report.outcome(name, policy).result for name in expected}
    assert {name: result not in (Result.SILENT_WRONG, Result.RAISES) for name, result in results.items()} == expected


def in_plain_torch(policy: Policy) -> Any:
    """Of each call: is it right?  The stance raises where it would have to compile."""
    model, eager = build(), build()
    filtered: Callable[..., Any] | None = getattr(torch.compiler, policy.value, None)
    compiled = torch.compile(model, backend="eager", options={"guard_filter_fn": filtered} if filtered else None)
    compiled(torch.ones(2, 4))
    for name, (args, kwargs) in serving().items():
        before(model, name)
        before(eager, name)
        with torch.compiler.set_stance(skip_guard_eval_unsafe=filtered is None):
            try:
                yield name, torch.allclose(compiled(*args, **kwargs), eager(*args, **kwargs))
            except RuntimeError:
                yield name, False


def test_a_report_writes_what_a_deployment_reads(report: Report, tmp_path: Path) -> None:
    report.write_budget(tmp_path / "budget.json")

    (only,) = budgets.read(tmp_path / "budget.json").budgets
    assert only.target == "model"
    assert [one.guard for one in only.budget.kept] == [one.guard for one in report.budget.kept]


def test_a_report_without_a_budget_says_how_to_get_one() -> None:
    with pytest.raises(UsageError) as caught:
        _ = Report(()).budget

    assert str(caught.value) == ("no case was judged under policy 'budget'\n  hint: analyse with budget=True")


class Extra(nn.Module):
    def forward(self, x: torch.Tensor, extra: dict[str, float] | None = None) -> torch.Tensor:
        return x * (1.0 if extra is None else extra.get("scale", 1.0))


def test_calls_that_guards_cannot_tell_apart_are_named_and_both_stopped() -> None:
    x = torch.arange(4.0)
    calls = {"weak": ((x,), {"extra": {"scale": 0.5}}), "none": ((x,), {"extra": None})}
    profile = lambda: ((x,), {"extra": {"scale": 1.0}})  # noqa: E731

    report = analyze(Case(build=Extra, profile=profile, serving=lambda: calls, target="extra"), policies=["budget"])

    assert report.outcome("none", "drop").result is Result.SAME
    assert report.outcome("weak", "budget").result is Result.RECOMPILES
    assert report.budget.notes == (
        "guards cannot tell weak from none: whatever it violates, one of those does, which are right without guards; "
        "it is stopped all the same, and so are they",
    )
