"""The headline of the page."""

from __future__ import annotations

from dataclasses import replace

from steadygraph.model import CaseReport, RuleProblem, Severity
from steadygraph.model.run import RunReport
from steadygraph.report.html.verdict import verdict


def test_it_counts_what_is_wrong_and_in_how_many_cases(broken: CaseReport, repaired: CaseReport) -> None:
    warned = replace(broken, findings=(replace(broken.findings[0], severity=Severity.WARNING),))

    assert verdict(RunReport((broken, warned, repaired))) == "2 errors and 1 warning in 2 of 3 cases"


def test_one_case_is_not_counted_among_others(broken: CaseReport) -> None:
    assert verdict(RunReport((broken,))) == "2 errors in 1 case"


def test_notes_and_accepted_findings_are_nothing_to_worry_about(broken: CaseReport) -> None:
    first, second = broken.findings
    findings = (replace(first, severity=Severity.NOTE), replace(second, allowed="known since May"))

    assert verdict(RunReport((replace(broken, findings=findings),))) == "Nothing to worry about in 1 case"


def test_what_the_report_does_not_know_is_told(repaired: CaseReport, failed: CaseReport) -> None:
    lacking = replace(repaired, rule_problems=(RuleProblem("SG101", "it failed"), RuleProblem("pack", "it is broken")))

    assert verdict(RunReport((lacking, failed))) == (
        "Nothing to worry about in 1 of 2 cases, 1 case without a result, 2 rules could not be run"
    )


def test_a_report_without_any_result_has_nothing_to_say(failed: CaseReport) -> None:
    assert (verdict(RunReport((failed,))), verdict(RunReport(()))) == ("No result of 1 case", "No case was analysed")
