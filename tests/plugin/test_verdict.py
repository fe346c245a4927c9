"""Which tests a finding fails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steadygraph.model import (
    CaseReport,
    Consequence,
    Finding,
    Kind,
    Outcome,
    Policy,
    Result,
    ScenarioReport,
    Severity,
    Status,
)
from steadygraph.model.run import RunReport
from steadygraph.testing.verdict import Subject, judged, subjects

POLICIES = (Policy.RECOMPILE, Policy.DROP)


def finding(consequence: Consequence, rule: str = "SG101") -> Finding:
    return Finding(
        rule=rule,
        name="name",
        kind=Kind.INPUT_STRUCTURE,
        severity=consequence.severity,
        scenario="image",
        region="",
        consequence=consequence,
        message="it is so",
        location=None,
        fix="",
        fingerprint=rule,
    )


def case(results: tuple[Result, ...], *findings: Finding) -> CaseReport:
    outcomes = tuple(Outcome(policy, "eager", result) for policy, result in zip(POLICIES, results, strict=True))
    scenarios = (ScenarioReport("image", outcomes=outcomes),)
    return CaseReport("case.py", Status.COMPLETED, 0.0, scenarios=scenarios, findings=findings)


def test_a_finding_is_as_loud_as_the_outcome_is() -> None:
    found = case((Result.RECOMPILES, Result.SILENT_WRONG), finding(Consequence.SILENT_WRONG))

    kept, dropped = (judged(found, Subject("image", policy), "warning") for policy in POLICIES)

    assert [each.severity for each in kept.findings] == [Severity.WARNING]
    assert [each.severity for each in dropped.findings] == [Severity.ERROR]


def test_what_no_outcome_shows_concerns_all_policies() -> None:
    found = case((Result.SAME, Result.SAME), finding(Consequence.SLOW, "SG402"))

    assert [judged(found, each, "warning").fails for each in subjects(found)] == [True, True]


@given(
    st.tuples(st.sampled_from(Result), st.sampled_from(Result)),
    st.lists(st.sampled_from(Consequence), max_size=3),
    st.sampled_from(("error", "warning", "note", "never")),
)
def test_a_test_fails_where_the_command_line_would(
    results: tuple[Result, ...], consequences: list[Consequence], fail_on: str
) -> None:
    found = case(results, *(finding(each) for each in consequences))

    failed = any(judged(found, each, fail_on).fails for each in subjects(found))  # type: ignore[arg-type]

    assert failed == (not RunReport((found,)).ok(fail_on))  # type: ignore[arg-type]
