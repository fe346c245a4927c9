"""JUnit XML as Jenkins and GitLab read it: a suite per case, a test case per scenario, policy and back end.

A test case fails where a finding at or above ``fail_on`` says so: there are failures or errors exactly where the run
ends with another exit code than 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree as ET

from steadygraph.model import (
    CaseReport,
    Finding,
    Outcome,
    Problem,
    Result,
    ScenarioReport,
    Severity,
    Status,
)
from steadygraph.model.run import RunReport, fails, loud
from steadygraph.report.ci.anchors import parts
from steadygraph.report.portable import Renderable, portable
from steadygraph.report.text.layout import flat, printable
from steadygraph.report.text.table import outcome_text, policy_label
from steadygraph.report.text.wording import what_happens, what_the_graph_lacks

_LONGEST_NAME = 400
_LONGEST_TEXT = 4_000
#: Lines of one text that are kept.
_MOST_LINES = 200


def render(report: Renderable, root: Path | None = None) -> str:
    """A report as JUnit XML.

    Args:
        report: Any report.
        root: The project root; the current directory by default.

    Returns:
        ASCII text: what is not ASCII is written as a reference to the character, and what XML cannot hold is spelled
        out.
    """
    clean = portable(report, root).report
    suites = [_Suite(case, clean).element() for case in clean.cases]
    if clean.interrupted:
        suites.append(_interruption())
    top = ET.Element("testsuites", {"name": "steadygraph", **_counts(suites), "time": _seconds(clean.cases)})
    top.extend(suites)
    ET.indent(top)
    written: bytes = ET.tostring(top, encoding="us-ascii", xml_declaration=True)
    return written.decode("ascii") + "\n"


class _Suite:
    """The test cases of one case."""

    def __init__(self, case: CaseReport, report: RunReport) -> None:
        self.case = case
        self.classname = flat(_dotted(case.target), _LONGEST_NAME)
        self.failing = [finding for finding in case.findings if fails(finding, report.fail_on)]
        #: Guards and graphs that are not as locked count as warnings.
        self.lock_changes = case.lock_changes if loud(Severity.WARNING, report.fail_on) else ()

    def element(self) -> ET.Element:
        tests = [] if self.case.status is Status.COMPLETED else [self._no_result(self.case.error)]
        for each in self.case.rule_problems:
            if each.selected:
                tests.append(self._error(f"rule {each.rule}", "rule", each.message))
        for scenario in self.case.scenarios:
            tests += self._scenario(scenario)
        names = {scenario.name for scenario in self.case.scenarios}
        tests += [self._defect(each, None) for each in self.failing if each.scenario not in names]
        tests += [self._unlocked()] if self.lock_changes else []
        name = flat(self.case.target, _LONGEST_NAME)
        suite = ET.Element("testsuite", {"name": name, **_counts([], tests), "time": _seconds([self.case])})
        suite.extend(tests)
        if self.case.notes:
            ET.SubElement(suite, "system-out").text = _text(self.case.notes)
        return suite

    def _scenario(self, scenario: ScenarioReport) -> list[ET.Element]:
        """The judged policies, then the findings that show under none of them."""
        findings = [finding for finding in self.case.findings if finding.scenario == scenario.name]
        failing = [finding for finding in self.failing if finding.scenario == scenario.name]
        tests = [self._judged(scenario, outcome, findings, failing) for outcome in scenario.outcomes]
        shown = [finding for finding in failing if any(finding.leads_to(outcome) for outcome in scenario.outcomes)]
        return tests + [self._defect(finding, scenario) for finding in failing if finding not in shown]

    def _judged(
        self, scenario: ScenarioReport, outcome: Outcome, findings: Sequence[Finding], failing: Sequence[Finding]
    ) -> ET.Element:
        test = self._test(f"{flat(scenario.name, _LONGEST_NAME)} [{flat(policy_label(outcome), _LONGEST_NAME)}]")
        shown = [finding for finding in failing if finding.leads_to(outcome)]
        accepted = [finding for finding in findings if finding.allowed is not None and finding.leads_to(outcome)]
        if shown:
            _add_failure(test, shown, scenario)
        elif accepted:
            reason = f"{_title(accepted[0])} is accepted: {flat(accepted[0].allowed or '')}"
            ET.SubElement(test, "skipped", {"type": "accepted", "message": reason})
        elif outcome.result is Result.UNPROVED:
            ET.SubElement(test, "skipped", {"type": "unproved", "message": outcome_text(outcome)})
        if outcome.result is not Result.SAME:
            ET.SubElement(test, "system-out").text = _text([outcome_text(outcome), outcome.error or ""])
        return test

    def _defect(self, finding: Finding, scenario: ScenarioReport | None) -> ET.Element:
        test = self._test(f"{flat(finding.scenario, _LONGEST_NAME)} [{_title(finding)}]")
        _add_failure(test, [finding], scenario)
        return test

    def _unlocked(self) -> ET.Element:
        test = self._test("lock")
        failure = ET.SubElement(test, "failure", {"type": "lock", "message": flat(str(self.lock_changes[0]))})
        failure.text = _text(map(str, self.lock_changes))
        return test

    def _no_result(self, problem: Problem | None) -> ET.Element:
        status = str(self.case.status)
        if problem is None:
            return self._error(status, status, "")
        return self._error(status, problem.type, problem.message, problem.hint or "")

    def _error(self, name: str, kind: str, message: str, hint: str = "") -> ET.Element:
        test = self._test(flat(name, _LONGEST_NAME))
        error = ET.SubElement(test, "error", {"type": flat(kind, _LONGEST_NAME), "message": flat(message)})
        error.text = _text([message, f"hint: {hint}" if hint else ""])
        return test

    def _test(self, name: str) -> ET.Element:
        return ET.Element("testcase", {"name": name, "classname": self.classname})


def _add_failure(test: ET.Element, findings: Sequence[Finding], scenario: ScenarioReport | None) -> None:
    """One element for all of them: many readers look at the first only."""
    first = findings[0]
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    message = f"{_title(first)}: {flat(first.message)}{more}"
    failure = ET.SubElement(test, "failure", {"type": str(first.consequence), "message": message})
    failure.text = _text(line for finding in findings for line in _told(finding, scenario))


def _told(finding: Finding, scenario: ScenarioReport | None) -> list[str]:
    """All about a finding, in lines."""
    scenarios = [] if scenario is None else [scenario]
    lines = [
        f"{finding.severity} {_title(finding)}: {what_happens([finding], scenarios)}",
        finding.message,
    ]
    if finding.path:
        lines.append(f"{finding.path}: {finding.profile} at profile, {finding.serving} at serving")
    if finding.location is not None:
        place = finding.location
        lines.append(f"{place.path}:{place.line} in {place.function}: {place.text or ''}")
    lacks = "" if scenario is None else what_the_graph_lacks(scenario.graph, about=finding.path)
    return [*lines, lacks, f"fix: {finding.fix}" if finding.fix else ""]


def _title(finding: Finding) -> str:
    return f"{flat(finding.rule, 20)} {flat(finding.name, 60)}"


def _interruption() -> ET.Element:
    suite = ET.Element("testsuite", {"name": "steadygraph", "tests": "1", "failures": "0", "errors": "1"})
    test = ET.SubElement(suite, "testcase", {"name": "interrupted", "classname": "steadygraph"})
    message = "the run was interrupted before all targets were analysed"
    ET.SubElement(test, "error", {"type": "interrupted", "message": message})
    return suite


def _counts(suites: Sequence[ET.Element], tests: Sequence[ET.Element] = ()) -> dict[str, str]:
    """The sums of these suites, or the numbers of these tests."""
    names = {"tests": None, "failures": "failure", "errors": "error"}
    if not tests:
        return {name: str(sum(int(suite.get(name, 0)) for suite in suites)) for name in names}
    counts = {name: sum(tag is None or test.find(tag) is not None for test in tests) for name, tag in names.items()}
    skipped = sum(test.find("skipped") is not None for test in tests)
    return {name: str(count) for name, count in {**counts, "skipped": skipped}.items()}


def _seconds(cases: Iterable[CaseReport]) -> str:
    total = sum(case.duration_s for case in cases)
    return f"{total if math.isfinite(total) else 0.0:.3f}"


def _text(lines: Iterable[str]) -> str:
    """Lines without a character that XML cannot hold."""
    parts = (part for text in lines for part in text.splitlines())
    return "\n".join(printable(part[:_LONGEST_TEXT]) for part in islice(parts, _MOST_LINES))


def _dotted(target: str) -> str:
    """``examples.case`` of ``examples/case.py``: readers take what stands before the last dot for the package."""
    place, name = parts(target)
    path = place.removesuffix(".py").replace("/", ".")
    return f"{path}.{name}" if name else path
