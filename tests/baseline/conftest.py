"""Reports as an analysis could have left them, made by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from steadygraph.model import (
    CaseReport,
    Consequence,
    Finding,
    Graph,
    Kind,
    Location,
    Outcome,
    Policy,
    RegionCall,
    Result,
    ScenarioReport,
    Severity,
    Status,
)
from steadygraph.model.run import RunReport

ENVIRONMENT = {"python": "3.11.9", "torch": "2.13.0", "platform": "Linux x86_64"}


def finding(rule: str = "SG101", scenario: str = "image", cause: str = "x") -> Finding:
    return Finding(
        rule=rule,
        name="none-at-profile",
        kind=Kind.INPUT_STRUCTURE,
        severity=Severity.ERROR,
        scenario=scenario,
        region="",
        consequence=Consequence.SILENT_WRONG,
        message=f"argument `{cause}` is None at profile",
        location=Location("model.py", 41, "forward"),
        fix="Pass it always.",
        fingerprint=f"{rule}-{scenario}-{cause}",
        path=cause,
    )


def graph(digest: str, *lines: str) -> Graph:
    frame = Location("model.py", 1, "forward")
    traced = tuple(Location("model.py", number, "forward", text) for number, text in enumerate(lines, 1))
    return Graph(digest, (), (), frame, lines=traced)


def call(graphs: tuple[str, ...] = ("g1",), guards: str = "a1", types: int = 4, region: str = "") -> RegionCall:
    return RegionCall(region, graphs, guards, (("TENSOR_MATCH", types),) if guards else ())


def case(
    *findings: Finding,
    target: str = "cases/decoder.py",
    status: Status = Status.COMPLETED,
    calls: tuple[RegionCall, ...] = (),
    graphs: tuple[Graph, ...] = (),
    policies: tuple[Policy, ...] = (Policy.RECOMPILE, Policy.DROP),
) -> CaseReport:
    outcomes = tuple(Outcome(policy, "eager", Result.SAME) for policy in policies)
    scenarios = (ScenarioReport("profile", outcomes=outcomes, calls=calls), ScenarioReport("image", outcomes=outcomes))
    return CaseReport(target, status, 1.0, scenarios=scenarios, findings=findings, graphs=graphs)


@pytest.fixture
def report() -> Callable[..., RunReport]:
    def make(*cases: CaseReport, torch: str = "2.13.0", fail_on: str = "warning") -> RunReport:
        return RunReport(cases, environment=ENVIRONMENT | {"torch": torch}, tool_version="0.1.0", fail_on=fail_on)

    return make
