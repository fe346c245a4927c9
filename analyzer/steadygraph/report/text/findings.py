"""The findings of one case as text: the loudest in full, quieter ones in two lines, accepted ones in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steadygraph.model import CaseReport, Consequence, Finding, Severity
from steadygraph.model.run import IN_BASELINE
from steadygraph.report.text.blocks import Blocks
from steadygraph.report.text.brief import brief_lines, note_lines
from steadygraph.report.text.grouping import entries, scenario_names, told
from steadygraph.report.text.layout import EMPTY, Line, block, cropped, flat

_LOUD = (Severity.ERROR, Severity.WARNING)


def finding_lines(case: CaseReport, width: int, *, notes: bool, complete: bool) -> list[Line]:
    """All findings of a case, errors first.

    Args:
        case: The case; its scenarios say what happened.
        width: Columns of the terminal.
        notes: Show every note, however many there are.
        complete: Show every finding in full.
    """
    findings = told(case, notes=notes)
    full = [finding for finding in findings if complete] or _news(findings)
    blocks = Blocks(case, width, complete=complete)
    lines: list[Line] = []
    for entry in entries(full):
        lines += [*([EMPTY] if complete and lines else []), *blocks.lines(entry)]
    shown = set(map(id, full))
    quiet = entries((finding for finding in findings if id(finding) not in shown), by_fix=False)
    counted = [entry for entry in quiet if entry.first.severity is Severity.NOTE and not notes]
    for entry in quiet[: len(quiet) - len(counted)]:
        lines += brief_lines(entry, width, regions=blocks.regions)
    return [
        *lines,
        *note_lines(counted, width, regions=blocks.regions),
        *_accepted_lines(case, width, complete=complete),
    ]


def is_shortened(case: CaseReport) -> bool:
    """Is the fix of an error or a warning left out?"""
    findings = told(case, notes=False)
    return len(_news(findings)) < sum(finding.severity is not Severity.NOTE for finding in findings)


def _news(findings: Sequence[Finding]) -> list[Finding]:
    """The errors, or the warnings where there are no errors.

    Of several findings about one exception, those that name no line are not news: another one names it.
    """
    loudest = next((each for each in _LOUD if any(finding.severity is each for finding in findings)), None)
    placed = {
        finding.scenario for finding in findings if finding.consequence is Consequence.RAISES and finding.location
    }
    return [
        finding
        for finding in findings
        if finding.severity is loudest
        and (finding.location or finding.consequence is not Consequence.RAISES or finding.scenario not in placed)
    ]


def _accepted_lines(case: CaseReport, width: int, *, complete: bool) -> Iterator[Line]:
    """``accepted SG402 host-sync [image]: the reason``, on one line each, or with the whole reason."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for finding in case.findings:
        if finding.allowed is not None and (complete or finding.allowed != IN_BASELINE):
            found.setdefault((finding.rule, finding.name, finding.allowed), []).append(finding.scenario)
    for (rule, name, reason), scenarios in found.items():
        sentence = f"accepted {flat(rule, 20)} {flat(name, 60)} [{scenario_names(scenarios)}]: {flat(reason)}"
        yield from block(sentence if complete else cropped(sentence, width - 2), width, indent=2, hang=2, style="dim")
