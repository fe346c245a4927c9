"""What changed in one case, in sentences: terminal and Markdown say the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from steadygraph.history.changes.changes import CaseChanges, Changes, OutcomeChange
from steadygraph.model import Finding, Location, Status
from steadygraph.model.run import counted
from steadygraph.report.text.layout import flat
from steadygraph.report.text.table import outcome_text

Mark = Literal["new", "gone", "worse", "better", "changed", "failed"]


@dataclass(frozen=True, slots=True)
class Sentence:
    mark: Mark
    text: str


def sentences(case: CaseChanges) -> Iterator[Sentence]:
    """What is new first, then what got worse, what got better, and what is only different."""
    if case.is_without_result:
        before = "as before" if case.old_status == case.new_status else f"before {case.old_status}"
        yield Sentence("failed", f"{case.new_status}, {before}: there is no result to compare")
    elif case.old_status != case.new_status:
        yield _status(case)
    yield from (Sentence("new", _finding(finding)) for finding in case.new)
    for change in sorted(case.outcomes, key=lambda change: not change.is_worse):
        yield Sentence("worse" if change.is_worse else "better", _outcome(change))
    yield from (Sentence("gone", _finding(finding)) for finding in case.gone)
    yield from (Sentence("changed", flat(sentence)) for sentence in case.graphs)


def durations(case: CaseChanges) -> str:
    """``12.3 s, before 10.1 s``."""
    return f"{case.new_duration_s:.1f} s, before {case.old_duration_s:.1f} s"


def totals(changes: Changes) -> str:
    """``2 cases: 1 new finding, 2 gone, 14 unchanged; 1 outcome worse, 0 better``; of many, how many changed."""
    cases = changes.cases
    changed = f", {len(cases):,} of them changed" if changes.same else ""
    outcomes = [change for case in cases for change in case.outcomes]
    worse = sum(change.is_worse for change in outcomes)
    new = sum(len(case.new) for case in cases)
    return (
        f"{counted(len(cases) + changes.same, 'case')}{changed}: {counted(new, 'new finding')}, "
        f"{sum(len(case.gone) for case in cases):,} gone, {sum(case.unchanged for case in cases):,} unchanged; "
        f"{counted(worse, 'outcome')} worse, {len(outcomes) - worse:,} better"
    )


def _status(case: CaseChanges) -> Sentence:
    if case.old_status is None:
        return Sentence("new", "the older report does not have this case")
    if case.new_status is None:
        return Sentence("gone", "the newer report does not have this case")
    mark: Mark = "worse" if case.old_status is Status.COMPLETED else "better"
    return Sentence(mark, f"{case.new_status}, before {case.old_status}")


def _finding(finding: Finding) -> str:
    title = f"{finding.severity} {flat(finding.rule, 20)} {flat(finding.name, 60)} [{flat(finding.scenario, 60)}]"
    return f"{title}: {flat(finding.message)}{_place(finding.location)}"


def _place(location: Location | None) -> str:
    return "" if location is None else f" ({flat(location.path, 200)}:{location.line})"


def _outcome(change: OutcomeChange) -> str:
    backend = "" if change.backend == "eager" else f" ({flat(change.backend, 20)})"
    what = f"{flat(change.scenario, 60)} under {change.policy}{backend}"
    return f"{what}: {outcome_text(change.new)}, before {outcome_text(change.old)}"
