"""Why a test failed: what changed, before and now, the model's line, what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from steadygraph.model import Outcome, Status
from steadygraph.model.run import RunReport
from steadygraph.report.portable import portable
from steadygraph.report.text.findings import finding_lines
from steadygraph.report.text.layout import Line, block, flat
from steadygraph.report.text.table import outcome_text
from steadygraph.testing.verdict import Verdict

#: No failure is longer: what else there is stands in the report.
MOST_LINES = 25
_WIDTH = 80
_OPTION = re.compile(r"(?<!\S)--(timeout|memory-limit|baseline|update-baseline|report)\b")


def text(verdict: Verdict, *, report: Path | None = None, width: int = _WIDTH) -> str:
    """At most 25 lines.

    Args:
        verdict: Of a test that failed.
        report: The folder that the whole report is written to.
        width: Columns of the terminal.
    """
    (case,) = portable(RunReport((verdict.part,), environment={})).report.cases
    subject = verdict.subject
    if case.status is not Status.COMPLETED:
        error = case.error
        what = "" if error is None else f": {error.message}"
        lines = [line for part in f"{case.target} {case.status}{what}".split("\n") for line in _told(part, width)]
        return joined(
            [*lines, *([] if error is None or not error.hint else _told(f"hint: {for_pytest(error.hint)}", width))],
            report=report,
        )
    lines = [_title(flat(subject.scenario, 60), subject.policy, subject.backend, verdict.outcome)]
    if verdict.is_missing:
        lines += _told("the scenario is gone: serving() gave other names when the case was analysed", width)
    lines += [problem.message for problem in case.rule_problems if problem.selected]
    lines += [line for change in case.lock_changes for line in _told(flat(str(change)), width)]
    lines += _plain(finding_lines(case, width, notes=True, complete=False))
    return joined(lines, report=report)


def joined(lines: Sequence[str], *, report: Path | None, last: int = 0) -> str:
    """The lines as one text; where there are too many, the first ones, what is left out, and the ``last`` ones."""
    if len(lines) <= MOST_LINES:
        return "\n".join(lines)
    where = f"see {report}" if report is not None else "--steadygraph-report DIR writes them"
    first = MOST_LINES - 1 - last
    end = lines[len(lines) - last :]
    return "\n".join([*lines[:first], f"... {len(lines) - first - last} more lines: {where}", *end])


def _title(scenario: str, policy: str, backend: str, outcome: Outcome | None) -> str:
    proof = "" if backend == "eager" else f" ({backend})"
    result = "" if outcome is None else f": {outcome_text(outcome)}"
    return f"{scenario} under {policy}{proof}{result}"


def _told(sentence: str, width: int) -> list[str]:
    return _plain(block(sentence, width, hang=2))


def _plain(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in lines]


def for_pytest(text: str) -> str:
    """A sentence that names options of ``steadygraph analyze``, with the options of pytest in their place."""
    return _OPTION.sub(r"--steadygraph-\1", text)
