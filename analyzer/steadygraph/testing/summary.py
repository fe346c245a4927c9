"""The section at the end of a test session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from steadygraph.model import CaseReport
from steadygraph.model.run import counted, summarised
from steadygraph.testing.failure_text import for_pytest
from steadygraph.testing.session import Session

#: How many of the slowest cases are named, and how slow one is at least.
_SLOWEST, _SLOW_S = 3, 1.0


def write(reporter: pytest.TerminalReporter, session: Session) -> None:
    """Cases, scenarios, findings, the slowest ones, notes about allowances, and what was written where."""
    if session.is_worker or not (session.results.cases() or session.problems):
        return
    reporter.write_sep("=", "steadygraph")
    for line in lines(session):
        reporter.write_line(line)


def lines(session: Session) -> Iterator[str]:
    cases = session.report().cases
    scenarios = sum(len(case.scenarios) for case in cases)
    yield f"{summarised(cases)} in {counted(scenarios, 'scenario')}"
    slow = slowest(cases)
    if slow is not None:
        yield slow
    for case in cases:
        yield from (f"{case.target}: {for_pytest(note)}" for note in _notes(case))
    options = session.options
    if options.report is not None:
        yield f"report: {_shown(options.report, session)}"
    if options.baseline is not None:
        yield _baseline(session)
    yield from map(for_pytest, session.problems)


def slowest(cases: Iterable[CaseReport]) -> str | None:
    """The slowest cases by name, if any is slow."""
    slow = sorted((case for case in cases if case.duration_s >= _SLOW_S), key=lambda case: -case.duration_s)
    named = ", ".join(f"{case.target} {case.duration_s:.1f} s" for case in slow[:_SLOWEST])
    return f"slowest: {named}" if named else None


def _notes(case: CaseReport) -> Iterator[str]:
    """What nobody would see otherwise: allowances that fit nothing, accepted findings that are gone."""
    yield from (note for note in case.notes if note.startswith(("ALLOW ", "allow ")) or "no longer occur" in note)


def _baseline(session: Session) -> str:
    options = session.options
    assert options.baseline is not None
    name = _shown(options.baseline, session)
    if options.update and options.baseline.exists():
        return f"baseline: {name} accepts what there is now"
    if not options.baseline.exists():
        return f"baseline: there is no {name}; create it with --steadygraph-update-baseline"
    return f"baseline: {name}"


def _shown(path: object, session: Session) -> str:
    return str(path).removeprefix(f"{session.options.root}/")
