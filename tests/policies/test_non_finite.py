"""NaN and infinity in results of eager mode: which of them are told, and what is said to have made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import Finding

Forward = Callable[..., Any]
ONES = torch.ones(3)


def told(forward: Forward, profile: Any, serving: Any, **of_case: Any) -> list[Finding]:
    """What SG605 says of a model that is one function, called with one tensor each time."""

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return forward(x)

    return findings(Net, profile, {"step": serving}, **of_case)


def findings(build: Callable[[], nn.Module], profile: Any, serving: Mapping[str, Any], **of_case: Any) -> list[Finding]:
    def call(x: torch.Tensor) -> Any:
        return (x.detach().clone().requires_grad_(x.requires_grad),), {}

    case = Case(
        build=build,
        profile=lambda: call(profile),
        serving=lambda: {name: call(x) for name, x in serving.items()},
        **of_case,
    )
    return [finding for finding in analyze_case(case, Settings()).findings if finding.rule == "SG605"]


def line(finding: Finding) -> str | None:
    return finding.location and finding.location.text


def test_the_operator_is_the_first_whose_nan_reaches_the_result() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        masked = (x - x) / (x - x)
        kept = torch.where(masked.isnan(), 0.0, masked)
        root = (x - 2.0).sqrt()
        return root * 2.0 + kept

    (found,) = told(forward, 3 * ONES, torch.tensor([1.0, 3.0, 3.0]))

    assert found.message == (
        "1 of 3 elements of `output` are nan in eager mode already, and none at profile; "
        "the first operator that makes it is `sqrt`"
    )
    assert line(found) == "root = (x - 2.0).sqrt()"


def test_it_is_followed_through_views_writes_and_what_a_consumer_calculates() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        buffer = torch.cat([torch.full((3,), torch.nan), torch.zeros(3)])
        root = x.sqrt()
        buffer[:3].copy_(root)
        return buffer.view(2, 3).t()

    (found,) = told(forward, ONES, -ONES, observe=lambda model, out: out.double().sum().item())

    assert found.message == (
        "`output` is nan in eager mode already, and not at profile; the first operator that makes it is `sqrt`"
    )
    assert line(found) == "root = x.sqrt()"


def test_an_infinity_out_of_finite_numbers_is_told() -> None:
    (found,) = told(lambda x: {"wide": x, "narrow": x.half()}, ONES, 1e6 * ONES)

    assert found.message == (
        "3 of 3 elements of `output['narrow']` are inf in eager mode already, and none at profile; "
        "the first operator that makes it is `_to_copy`"
    )


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: x.masked_fill(x < 0, -torch.inf),
        lambda x: torch.where(x < 0, torch.tensor(-torch.inf), x) * 2,
        lambda x: torch.where(x < 0, torch.full((3,), torch.inf), x),
        lambda x: x.masked_fill(x < 0, -torch.inf).softmax(-1).nan_to_num(),
    ],
    ids=["filled", "a constant", "made by name", "no longer there"],
)
def test_an_infinity_that_is_written_by_name_is_meant(forward: Forward) -> None:
    assert told(forward, ONES, torch.tensor([-1.0, 1.0, 1.0])) == []


def test_an_infinity_that_is_handed_in_is_meant() -> None:
    assert told(lambda x: x * 2, ONES, torch.tensor([1.0, -torch.inf, 1.0])) == []


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_the_profile_call_has_as_well_is_no_news(value: float) -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x / (x - x) if value == torch.inf else (x - x) / (x - x)

    assert told(forward, ONES, 2 * ONES) == []


def test_nan_is_news_where_the_profile_call_has_infinities() -> None:
    (found,) = told(lambda x: x.log(), torch.zeros(3), -ONES)

    assert found.serving == "nan"
    assert line(found) is not None


def test_nan_that_is_handed_in_is_named_by_its_argument() -> None:
    (found,) = told(lambda x: x * 2, ONES, torch.tensor([1.0, torch.nan, 1.0]))

    assert found.message == (
        "1 of 3 elements of `output` are nan in eager mode already, and none at profile; it comes in with `args[0]`"
    )
    assert found.fix == "Write finite values into all of `args[0]` before it is read."


class Mean(nn.Module):
    """A running mean, of which one bad call spoils all that follow."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean.mul_(0.5).add_(x.log(), alpha=0.5)
        return x + self.mean


def test_nan_that_an_earlier_call_left_is_named_by_the_attribute_that_holds_it() -> None:
    bad, later = findings(Mean, ONES, {"bad": -ONES, "later": ONES})

    assert (bad.scenario, later.scenario) == ("bad", "later")
    assert bad.message.endswith("; the first operator that makes it is `log`")
    assert later.message.endswith("; it comes in with `self.mean`")


def test_nan_of_a_gradient_is_told_although_the_loss_is_finite() -> None:
    found = told(
        lambda x: (x * x).sum().sqrt(),
        ONES.clone().requires_grad_(),
        torch.zeros(3, requires_grad=True),
        backward=True,
    )

    assert [finding.path for finding in found] == ["output['gradients']['args[0]']"]


def test_the_results_that_policies_are_held_against_stay_those_of_the_first_pass() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls.add_(1)
            return x.sqrt() + self.calls

    def call(value: float) -> Any:
        return (torch.full((3,), value),), {}

    case = Case(build=Counts, profile=lambda: call(1.0), serving=lambda: {"bad": call(-1.0), "good": call(4.0)})

    report = analyze_case(case, Settings())

    assert {outcome.result for scenario in report.scenarios for outcome in scenario.outcomes} == {"same"}
    assert [finding.rule for finding in report.findings] == ["SG605"]
