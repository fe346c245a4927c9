"""Why a test failed: what changed, before and now, the model's line, what to do."""

from __future__ import annotations

from pathlib import Path

from steadygraph.model import Outcome, Status
from steadygraph.report.document import Report
from steadygraph.report.findings import finding_lines
from steadygraph.report.layout import Line, block, flat
from steadygraph.report.portable import portable
from steadygraph.report.table import outcome_text
from steadygraph.testing.verdict import Verdict

#: No failure is longer: what else there is stands in the report.
MOST_LINES = 25
_WIDTH = 80


def text(verdict: Verdict, *, report: Path | None = None, width: int = _WIDTH) -> str:
    """At most 25 lines.

    Args:
        verdict: Of a test that failed.
        report: The folder that the whole report is written to.
        width: Columns of the terminal.
    """
    (case,) = portable(Report((verdict.part,), environment={})).cases
    subject = verdict.subject
    if case.status is not Status.COMPLETED:
        error = case.error
        what = "" if error is None else f": {error.message}"
        lines = [line for part in f"{case.target} {case.status}{what}".split("\n") for line in _told(part, width)]
        return _cut([*lines, *([] if error is None or not error.hint else _told(f"hint: {error.hint}", width))], report)
    lines = [_title(flat(subject.scenario, 60), subject.policy, subject.backend, verdict.outcome)]
    lines += [problem.message for problem in case.rule_problems if problem.selected]
    lines += [line for change in case.lock_changes for line in _told(flat(str(change)), width)]
    lines += _plain(finding_lines(case, width, notes=True, complete=False))
    return _cut(lines, report)


def _title(scenario: str, policy: str, backend: str, outcome: Outcome | None) -> str:
    proof = "" if backend == "eager" else f" ({backend})"
    result = "" if outcome is None else f": {outcome_text(outcome)}"
    return f"{scenario} under {policy}{proof}{result}"


def _told(sentence: str, width: int) -> list[str]:
    return _plain(block(sentence, width, hang=2))


def _plain(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in lines]


def _cut(lines: list[str], report: Path | None) -> str:
    where = f"see {report}" if report is not None else "--steadygraph-report DIR writes them"
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"... {len(lines) - MOST_LINES + 1} more lines: {where}"]
    return "\n".join(lines)
