"""The headline of the page."""

from __future__ import annotations

from steadygraph.model import CaseReport, Severity
from steadygraph.model.run import RunReport, counted, open_findings
from steadygraph.report.text.layout import enumerated


def verdict(report: RunReport) -> str:
    """``4 errors and 4 warnings in 2 of 3 cases, 1 case without a result``."""
    if not report.cases:
        return "No case was analysed"
    cases = counted(len(report.cases), "case")
    return ", ".join([_found(report, cases), *_missing(report)])


def _found(report: RunReport, cases: str) -> str:
    summary = report.summary
    changes = sum(len(case.lock_changes) for case in report.cases)
    counts = [counted(summary.errors, "error")] if summary.errors else []
    counts += [counted(summary.warnings, "warning")] if summary.warnings else []
    counts += [counted(changes, "change against the lock", "changes against the lock")] if changes else []
    if not counts and summary.failed == summary.cases:
        return f"No result of {cases}"
    if not counts:
        known = f"{summary.cases - summary.failed:,} of " if summary.failed else ""
        return f"Nothing to worry about in {known}{cases}"
    concerned = sum(case.lock_changes != () or _is_loud(case) for case in report.cases)
    return f"{enumerated(counts)} in {f'{concerned:,} of ' if summary.cases > 1 else ''}{cases}"


def _missing(report: RunReport) -> list[str]:
    """What the report does not know."""
    failed = report.summary.failed
    rules = {problem.rule for case in report.cases for problem in case.rule_problems}
    missing = [f"{counted(failed, 'case')} without a result"] if 0 < failed < len(report.cases) else []
    return missing + ([f"{counted(len(rules), 'rule')} could not be run"] if rules else [])


def _is_loud(case: CaseReport) -> bool:
    return any(finding.severity is not Severity.NOTE for finding in open_findings(case))
