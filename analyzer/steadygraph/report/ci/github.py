"""Workflow commands of GitHub Actions: the ten worst defects as annotations at their lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from steadygraph.model import CaseReport, Consequence, Severity, Status
from steadygraph.model.run import counted
from steadygraph.report.ci.anchors import Anchor, Anchors
from steadygraph.report.portable import Renderable, portable
from steadygraph.report.text.grouping import Entry, entries, told
from steadygraph.report.text.layout import flat, printable
from steadygraph.report.text.wording import what_changed, what_happens

#: GitHub shows no more of one severity in one step.
MOST_ANNOTATIONS = 10
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_SEVERITIES, _CONSEQUENCES = tuple(Severity), tuple(Consequence)

#: How bad, and the command.
_Ranked = tuple[tuple[int, int, int], str]


def render(report: Renderable, root: Path | None = None) -> str:
    """A report as lines of a job's log.

    Args:
        report: Any report.
        root: The project root, which paths become relative to; the current directory by default.

    Returns:
        Cases without a result and the worst findings, at most ten lines, each a workflow command; then the sums.
    """
    clean = portable(report, root).report
    ranked = sorted((each for case in clean.cases for each in _ranked(case, notes=clean.fail_on == "note")), key=_rank)
    shown = [command for _, command in ranked[:MOST_ANNOTATIONS]]
    left_out = len(ranked) - len(shown)
    more = f"; {counted(left_out, 'more annotation')} left out" if left_out else ""
    interrupted = "interrupted: " if clean.interrupted else ""
    return "".join(f"{line}\n" for line in [*shown, f"{interrupted}{clean.summary}{more}"])


def _rank(ranked: _Ranked) -> tuple[int, int, int]:
    return ranked[0]


def _ranked(case: CaseReport, *, notes: bool) -> Iterator[_Ranked]:
    anchors = Anchors(case)
    if case.status is not Status.COMPLETED:
        reason = f": {case.error.message}" if case.error else ""
        message = flat(f"{case.target}: {case.status}{reason}")
        yield (0, 0, 0), _command("error", anchors.of_case, f"steadygraph: {case.status}", message)
    for change in case.lock_changes:
        rank = _SEVERITIES.index(Severity.WARNING), 0
        yield (1, *rank), _command("warning", anchors.of_case, "steadygraph: not as locked", flat(str(change)))
    for entry in entries(told(case, notes=notes)):
        rank = _SEVERITIES.index(entry.first.severity), _CONSEQUENCES.index(entry.first.consequence)
        yield (1, *rank), _annotation(entry, case, anchors)


def _annotation(entry: Entry, case: CaseReport, anchors: Anchors) -> str:
    first = entry.first
    scenarios = [scenario for scenario in case.scenarios if scenario.name in entry.scenarios]
    anchor = anchors.of(first)
    happens = what_happens(entry.findings, scenarios) if first.consequence.shows_in_outcomes else ""
    fact = f"{flat(first.message).rstrip('.')}: {happens}" if happens else flat(first.message)
    sentences = [fact, what_changed(first), anchor.elsewhere(first), f"Fix: {flat(first.fix)}" if first.fix else ""]
    title = entry.title(regions=len(case.regions) != 1).partition(" ")[2]
    message = " ".join(f"{sentence.rstrip('.')}." for sentence in sentences if sentence)
    return _command(_COMMANDS[first.severity], anchor, title, message)


def _command(name: str, anchor: Anchor, title: str, message: str) -> str:
    properties = f"file={_property(anchor.path)},line={anchor.line},title={_property(title)}"
    return f"::{name} {properties}::{_data(message)}"


def _data(text: str) -> str:
    """What the runner decodes in a message; nothing here spans lines, so that no text starts a command of its own."""
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
