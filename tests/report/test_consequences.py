"""What is said of several scenarios at once: a consequence belongs to a policy, and to the scenarios that show it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.model import (
    Consequence,
    Failure,
    Finding,
    Kind,
    Leak,
    Outcome,
    Policy,
    Result,
    ScenarioReport,
    Severity,
)
from steadygraph.report.text.wording import what_happens

VERBS = {
    Result.SILENT_WRONG: "silently wrong",
    Result.RAISES: "raises",
    Result.RECOMPILES: "recompiles",
    Result.REFUSED: "refused",
}
SHOWS = {
    Consequence.SILENT_WRONG: [Result.SILENT_WRONG],
    Consequence.RAISES: [Result.RAISES],
    Consequence.RECOMPILES: [Result.RECOMPILES, Result.REFUSED],
}


def finding(scenario: str, consequence: Consequence, kind: Kind = Kind.DTYPE) -> Finding:
    severity = Severity.ERROR
    return Finding("SG101", "name", kind, severity, scenario, "", consequence, "`x` differs", None, "", scenario)


def scenario(name: str, **results: Result) -> ScenarioReport:
    policies = {policy: Policy(policy.replace("_", "-")) for policy in results}
    return ScenarioReport(name, outcomes=tuple(Outcome(policies[p], "eager", r) for p, r in results.items()))


def told(text: str, names: list[str]) -> set[tuple[str, str, str]]:
    """(verb, policy, scenario) of all that a sentence claims."""
    claims = set()
    for phrase in text.split("; "):
        verb, rest = re.fullmatch(rf"({'|'.join(VERBS.values())})(?: (.*))?", phrase).groups()
        for place in (rest or "").split(", and "):
            policies, _, where = place.removeprefix("under ").partition(" in ")
            found = re.split(", | and ", where) if where else names
            claims |= {(verb, policy, name) for policy in policies.split(" and ") if policy for name in found}
    return claims


TABLES = st.lists(st.dictionaries(st.sampled_from(Policy), st.sampled_from(Result), min_size=1), min_size=1, max_size=4)


@given(table=TABLES, consequence=st.sampled_from(sorted(SHOWS)))
def test_a_sentence_claims_what_the_outcomes_of_each_scenario_show_and_no_more(table, consequence):
    names = [f"b{number}" for number in range(len(table))]
    scenarios = [
        ScenarioReport(name, outcomes=tuple(Outcome(policy, "eager", result) for policy, result in row.items()))
        for name, row in zip(names, table, strict=True)
    ]

    text = what_happens([finding(name, consequence) for name in names], scenarios)

    shown = {
        (VERBS[result], str(policy), name)
        for name, row in zip(names, table, strict=True)
        for policy, result in row.items()
        if result in SHOWS[consequence]
    }
    assert told(text, names) == shown


@given(table=TABLES, policies=st.sets(st.sampled_from(Policy), min_size=1))
def test_a_finding_claims_only_the_policies_that_it_leads_to(table, policies):
    names = [f"b{number}" for number in range(len(table))]
    scenarios = [
        ScenarioReport(name, outcomes=tuple(Outcome(policy, "eager", result) for policy, result in row.items()))
        for name, row in zip(names, table, strict=True)
    ]
    blamed = tuple((policy, Consequence.SILENT_WRONG) for policy in policies)

    text = what_happens(
        [replace(finding(name, Consequence.SILENT_WRONG), policies=blamed) for name in names], scenarios
    )

    assert {policy for _, policy, _ in told(text, names)} <= {str(policy) for policy in policies}


def test_scenarios_that_do_different_things_are_not_pooled():
    scenarios = [
        scenario("b3", recompile=Result.RECOMPILES, drop=Result.RAISES),
        scenario("b4", recompile=Result.RAISES, drop=Result.RAISES),
    ]

    text = what_happens([finding(name, Consequence.RAISES) for name in ("b3", "b4")], scenarios)

    assert text == "raises under drop, and under recompile in b4"


def test_exceptions_that_are_not_the_same_are_told_with_their_scenario():
    scenarios = [
        ScenarioReport(name, outcomes=(Outcome(Policy.DROP, "eager", Result.RAISES, error=error),))
        for name, error in (("b3", "KeyError: 3"), ("b4", "IndexError: 4"))
    ]

    text = what_happens([finding(name, Consequence.RAISES) for name in ("b3", "b4")], scenarios)

    assert text == "raises under drop: KeyError: 3 (in b3)"


def test_eager_mode_raises_in_the_scenarios_in_which_it_does():
    raising = replace(scenario("b3", drop=Result.RAISES), eager_error=Failure("ValueError", "too long"))
    scenarios = [raising, scenario("b4", drop=Result.RAISES)]

    text = what_happens([finding(name, Consequence.RAISES) for name in ("b3", "b4")], scenarios)

    assert text == "raises, in eager mode too in b3: ValueError: too long; raises under drop in b4"


@pytest.mark.parametrize(
    ("as_eager", "text"),
    [
        ((), "silently wrong in eager mode"),
        (("recompile",), "silently wrong in eager mode, and under recompile"),
    ],
)
def test_what_eager_mode_itself_does_wrong_is_said_of_eager_mode(as_eager, text):
    outcomes = tuple(
        Outcome(policy, "eager", Result.SILENT_WRONG, as_eager=policy in as_eager)
        for policy in (Policy.RECOMPILE, Policy.DROP)
    )
    leaking = ScenarioReport("b3", outcomes=outcomes, leak=Leak(("self.rows",), "the value differs"))

    assert what_happens([finding("b3", Consequence.SILENT_WRONG, Kind.STALE_STATE)], [leaking]) == text
