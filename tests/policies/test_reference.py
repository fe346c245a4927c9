"""A case with a reference: eager mode and every policy are held against what it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.errors import CaseError, TargetError
from steadygraph.model import CaseReport, Policy

ONES = torch.ones(4)


def outcomes(report: CaseReport, policy: Policy = Policy.DROP) -> dict[str, str]:
    return {s.name: str(o.result) for s in report.scenarios for o in s.outcomes if o.policy is policy}


def rules(report: CaseReport) -> list[tuple[str, str]]:
    return [(finding.rule, finding.scenario) for finding in report.findings]


class Pool(nn.Module):
    """A mean in which padding counts."""

    def forward(self, rows: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        return rows.mean()


def pooled(rows: torch.Tensor, count: int) -> Any:
    return (rows.clone(), torch.tensor(count)), {}


def valid_mean(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    rows, count = args
    return rows[: int(count)].mean()


def test_eager_mode_and_every_policy_are_held_against_the_reference() -> None:
    case = Case(
        build=Pool,
        profile=lambda: pooled(ONES, 4),
        serving=lambda: {"full": pooled(2 * ONES, 4), "padded": pooled(torch.tensor([4.0, 2.0, 0.0, 0.0]), 2)},
        reference=valid_mean,
        cuda_graph=True,
    )

    report = analyze_case(case, Settings())

    assert rules(report) == [("SG606", "padded")]
    assert report.findings[0].message == (
        "eager mode does not give what reference() gives: output: the value differs, by 1.5"
    )
    for policy in (Policy.RECOMPILE, Policy.DROP, Policy.CUDA_GRAPH):
        assert outcomes(report, policy) == {"profile": "same", "full": "same", "padded": "silent-wrong"}
    assert all(o.as_eager for s in report.scenarios for o in s.outcomes if s.name == "padded")
    assert report.notes == ()


def test_a_policy_that_is_wrong_where_eager_mode_is_right_is_told_as_ever() -> None:
    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor, scale: int) -> torch.Tensor:
            return x * scale

    def call(scale: int) -> Any:
        return (ONES.clone(), scale), {}

    case = Case(
        build=Scaled,
        profile=lambda: call(2),
        serving=lambda: {"three": call(3)},
        reference=lambda model, args, kwargs: torch.full((4,), float(args[1])),
    )

    report = analyze_case(case, Settings())

    assert outcomes(report) == {"profile": "same", "three": "silent-wrong"}
    assert not any(rule == "SG606" for rule, _ in rules(report))
    assert report.scenarios[1].wrong_in_eager is None


def test_a_profile_call_that_is_wrong_is_told_as_well() -> None:
    case = Case(
        build=Pool,
        profile=lambda: pooled(torch.tensor([4.0, 0.0, 0.0, 0.0]), 1),
        serving=lambda: {"full": pooled(ONES, 4)},
        reference=valid_mean,
    )

    report = analyze_case(case, Settings())

    assert rules(report) == [("SG606", "profile")]


class Counted(nn.Module):
    """Rows of an earlier request are added to those of this one."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("left", torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = x + self.left
        self.left.copy_(torch.where(x > 5, x, 0.0))
        return out


def counted(reference: Callable[..., Any], **of_case: Any) -> CaseReport:
    def call(value: float) -> Any:
        return (torch.full((4,), value),), {}

    serving = {"large": 6.0, "next": 1.0}
    case = Case(
        build=Counted,
        profile=lambda: call(1.0),
        serving=lambda: {name: call(value) for name, value in serving.items()},
        reference=reference,
        **of_case,
    )
    return analyze_case(case, Settings())


@pytest.mark.parametrize("independent", [False, True])
def test_what_a_fresh_model_does_right_is_state_of_an_earlier_request(independent: bool) -> None:
    report = counted(lambda model, args, kwargs: args[0].clone(), independent=independent)

    assert rules(report) == [("SG603", "next")]
    assert "through `self.left`" in report.findings[0].message


def test_the_reference_finds_the_model_as_the_call_does() -> None:
    report = counted(lambda model, args, kwargs: args[0] + model.left)

    assert rules(report) == []
    assert set(outcomes(report).values()) == {"same"}


def test_what_the_reference_does_to_the_model_and_its_arguments_is_undone() -> None:
    def careless(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        right = args[0] + model.get_buffer("left")
        args[0].fill_(7.0)
        model.get_buffer("left").fill_(7.0)
        return right

    assert rules(counted(careless)) == []


def test_the_reference_is_seen_through_observe_and_its_nan_is_right() -> None:
    class Logarithm(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.log()

    def call(first: float) -> Any:
        return (torch.tensor([first, 1.0]),), {}

    case = Case(
        build=Logarithm,
        profile=lambda: call(1.0),
        serving=lambda: {"negative": call(-1.0)},
        observe=lambda model, out: out[:1],
        reference=lambda model, args, kwargs: torch.where(args[0] < 0, torch.nan, 0.0),
    )

    assert rules(analyze_case(case, Settings())) == []


def test_nan_where_the_reference_has_a_number_is_told_once() -> None:
    class Quotient(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / x

    case = Case(
        build=Quotient,
        profile=lambda: ((ONES.clone(),), {}),
        serving=lambda: {"zero": ((0 * ONES,), {})},
        reference=lambda model, args, kwargs: torch.ones(4),
    )

    report = analyze_case(case, Settings())

    assert rules(report) == [("SG605", "zero")]
    assert outcomes(report)["zero"] == "silent-wrong"


def test_a_call_that_raises_is_held_against_what_it_should_have_returned() -> None:
    class Picky(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[0] == 3:
                raise ValueError("three")
            return x * 2

    case = Case(
        build=Picky,
        profile=lambda: ((torch.ones(4),), {}),
        serving=lambda: {"three": ((torch.ones(3),), {})},
        reference=lambda model, args, kwargs: args[0] * 2,
    )

    report = analyze_case(case, Settings())

    assert ("SG601", "three") in rules(report)
    assert outcomes(report, Policy.RECOMPILE)["three"] == "raises"
    assert outcomes(report)["three"] == "same"  # the graph of four rows does without the check


@pytest.mark.parametrize(("error", "found"), [(3e-6, []), (1e-4, [("SG606", "other")])])
def test_a_plain_way_may_round_as_much_as_it_does_in_the_profile_call(error: float, found: list[Any]) -> None:
    class Same(nn.Module):
        def forward(self, x: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
            return x.clone()

    def call(error: float) -> Any:
        return (100 * ONES, torch.tensor(error)), {}

    case = Case(
        build=Same,
        profile=lambda: call(1e-6),  # what assert_close takes for equal
        serving=lambda: {"other": call(error)},
        reference=lambda model, args, kwargs: args[0] * (1 + args[1]),
    )

    assert rules(analyze_case(case, Settings())) == found


def test_a_reference_that_raises_is_an_error_of_the_case() -> None:
    def no_way(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
        raise KeyError("table")

    with pytest.raises(TargetError) as caught:
        counted(no_way)

    assert str(caught.value).startswith("reference() raised KeyError: 'table' (")


def test_a_reference_takes_the_model_and_the_call() -> None:
    with pytest.raises(CaseError) as caught:
        Case(build=Pool, profile=tuple, serving=dict, reference=lambda args: args)

    assert str(caught.value) == (
        "reference cannot be called as reference(model, args, kwargs): too many positional arguments\n"
        "  hint: define it as def reference(model, args, kwargs)"
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_a_reference_is_not_asked_on_a_simulated_device_and_that_is_told() -> None:
    def call() -> Any:
        return (torch.ones(4, device="cuda"), torch.tensor(4, device="cuda")), {}

    case = Case(build=Pool, profile=call, serving=lambda: {"same": call()}, reference=valid_mean, device="cuda")

    report = analyze_case(case, Settings())

    assert rules(report) == []
    assert "reference() was not asked: on a simulated device it has no values to calculate with" in report.notes


def test_a_module_of_that_name_is_no_reference(write_case: Callable[..., Path]) -> None:
    from steadygraph.case.case import load

    file = write_case(
        """
        import math as reference

        import torch

        def build():
            return torch.nn.Identity()

        def profile():
            return (torch.ones(2),), {}

        def serving():
            return {"same": profile()}
        """
    )

    assert load(str(file)).reference is None
