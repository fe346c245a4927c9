"""What stands below the findings of a case: that there are none, other guards, what eager mode raises, notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from steadygraph.model import CaseReport, Kind, Status, ViolatedGuard
from steadygraph.report.document import counted
from steadygraph.report.findings import location_lines
from steadygraph.report.layout import EMPTY, Line, Span, block, flat
from steadygraph.report.wording import eager_failure


def remark_lines(case: CaseReport, width: int, *, every_guard: bool) -> list[Line]:
    """One sentence each.

    Args:
        case: The case.
        width: Columns of the terminal.
        every_guard: List the guards that no finding speaks of, in place of their number alone.
    """
    guards = _untold_guards(case)
    sentences = [*_eager_failures(case), *map(flat, case.notes)]
    if guards:
        sentences.insert(0, _guard_sentence(guards, more=bool(case.findings)))
    lines: list[Line] = []
    if not case.findings and case.status is Status.COMPLETED:
        lines.append((Span("  no findings", "green"),))
    for sentence in sentences:
        lines += block(sentence, width, indent=2, hang=2, style="dim")
    if every_guard:
        lines += [line for guard in guards for line in _guard_lines(guard, width)]
    return [EMPTY, *lines] if case.findings and lines else lines


def _eager_failures(case: CaseReport) -> list[str]:
    explained = {finding.scenario for finding in case.findings if finding.kind is Kind.SERVING_ERROR}
    return [
        eager_failure(scenario.name, scenario.eager_error)
        for scenario in case.scenarios
        if scenario.eager_error and scenario.name not in explained
    ]


def _untold_guards(case: CaseReport) -> list[ViolatedGuard]:
    """Violated guards that no finding speaks of, each once however many scenarios violate it."""
    told = {finding.path for finding in case.findings if finding.path}
    guards = {
        (guard.region, guard.source, guard.guard_type, guard.matters): guard
        for scenario in case.scenarios
        for guard in scenario.violated_guards
        if guard.path not in told and guard.source not in told
    }
    return list(guards.values())


def _guard_sentence(guards: Sequence[ViolatedGuard], *, more: bool) -> str:
    """``212 more guards differ, none changes the graph``."""
    counts = Counter(guard.matters for guard in guards)
    number = f"{counted(len(guards), 'more guard' if more else 'guard')} {'differs' if len(guards) == 1 else 'differ'}"
    if set(counts) == {False}:
        return f"{number}, {'it does not change' if len(guards) == 1 else 'none changes'} the graph"
    parts = [
        (counts[False], "without a change of the graph"),
        (counts[True], "in scenarios with another graph"),
        (counts[None], "with unknown effect"),
    ]
    return f"{number}: " + ", ".join(f"{count:,} {effect}" for count, effect in parts if count)


def _guard_lines(guard: ViolatedGuard, width: int) -> list[Line]:
    name = flat(guard.path or guard.source, 200)
    text = f"{name}: {flat(guard.expected)} at profile, {flat(guard.actual)} at serving"
    return [*block(text, width, indent=4, hang=2), *location_lines(guard.location, width, indent=6)]
