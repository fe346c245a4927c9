"""Two reports side by side: what is new, gone, better, worse."""

import dataclasses

import pytest

from steadygraph.history.changes import changes_between
from steadygraph.model import CaseReport, Outcome, Policy, Problem, Result, ScenarioReport, Severity, Status
from steadygraph.model.run import IN_BASELINE, RunReport

from ..baseline.conftest import call, case, finding, graph

OLD = {"python": "3.11.9", "torch": "2.13.0"}


def report(*cases, **environment):
    return RunReport(cases, environment=OLD | environment, tool_version="0.1.0")


def judged(result, recompiles=None, predicted=None):
    outcome = Outcome(Policy.DROP, "eager", result, recompiles=recompiles, predicted=predicted)
    return CaseReport(
        "cases/decoder.py", Status.COMPLETED, 1.0, scenarios=(ScenarioReport("image", outcomes=(outcome,)),)
    )


def test_a_report_is_the_same_as_itself():
    one = report(case(finding(), calls=(call(),), graphs=(graph("g1", "return x"),)))

    (same,) = changes_between(one, one).cases

    assert same.is_same
    assert not same.is_worse()
    assert same.unchanged == 1


def test_findings_are_new_or_gone():
    found = changes_between(report(case(finding(), finding("SG204"))), report(case(finding(), finding("SG401"))))

    (only,) = found.cases
    assert [one.rule for one in only.new] == ["SG401"]
    assert [one.rule for one in only.gone] == ["SG204"]
    assert only.unchanged == 1
    assert found.is_worse()


def test_a_finding_that_is_accepted_is_not_new():
    accepted = dataclasses.replace(finding(), allowed=IN_BASELINE)

    assert not changes_between(report(case()), report(case(accepted))).is_worse()


@pytest.mark.parametrize(
    ("fail_on", "worse"), [(Severity.ERROR, False), (Severity.WARNING, True), (Severity.NOTE, True)]
)
def test_a_new_finding_is_worse_from_a_severity_on(fail_on, worse):
    warning = dataclasses.replace(finding(), severity=Severity.WARNING)

    assert changes_between(report(case()), report(case(warning))).is_worse(fail_on) is worse


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        (judged(Result.SAME), judged(Result.SILENT_WRONG), True),
        (judged(Result.SILENT_WRONG), judged(Result.RAISES), False),
        (judged(Result.RECOMPILES, 1), judged(Result.RECOMPILES, 3), True),
        (judged(Result.RECOMPILES, 3), judged(Result.RECOMPILES, 1), False),
        (judged(Result.SAME), judged(Result.UNPROVED, predicted=Result.RAISES), True),
        (judged(Result.RAISES), judged(Result.UNPROVED, predicted=Result.SAME), False),
    ],
)
def test_an_outcome_gets_worse_or_better(old, new, worse):
    (only,) = changes_between(report(old), report(new)).cases

    assert [change.is_worse for change in only.outcomes] == [worse]
    assert only.is_worse() is worse


def test_a_case_that_lost_its_result_is_worse_and_says_nothing_about_its_findings():
    failed = CaseReport("cases/decoder.py", Status.TIMED_OUT, 9.0, Problem("TargetError", "hung"))

    (only,) = changes_between(report(case(finding())), report(failed)).cases

    assert only.is_worse()
    assert (only.new, only.gone) == ((), ())


def test_cases_that_only_one_report_has():
    added = case(finding(), target="cases/new.py")
    removed = case(finding("SG204"), target="cases/old.py")

    found = changes_between(report(removed), report(added))

    assert [(one.target, one.old_status, one.new_status) for one in found.cases] == [
        ("cases/old.py", Status.COMPLETED, None),
        ("cases/new.py", None, Status.COMPLETED),
    ]
    assert [one.is_worse() for one in found.cases] == [False, True]


def test_graphs_and_guards_that_changed_say_by_whom():
    old = case(calls=(call(),), graphs=(graph("g1", "return x"),))
    new = case(calls=(call(("g2",), "b"),), graphs=(graph("g2", "return x"),))

    found = changes_between(report(old), report(new, torch="2.13.1"))

    assert found.cases[0].graphs == (
        "the graph of the model in profile has changed: torch changed (2.13.0 to 2.13.1), the traced lines did not",
    )
    assert found.versions == (("torch", "2.13.0", "2.13.1"),)
    assert not found.is_worse()
