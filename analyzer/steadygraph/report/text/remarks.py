"""What stands below the findings of a case: that there are none, other guards, what eager mode raises, notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from steadygraph.model import CaseReport, Consequence, Finding, Status, ViolatedGuard
from steadygraph.model.run import IN_BASELINE, counted
from steadygraph.report.text.grouping import told
from steadygraph.report.text.layout import EMPTY, Line, block, flat
from steadygraph.report.text.places import place_lines
from steadygraph.report.text.table import unchanged
from steadygraph.report.text.wording import eager_failure


def remark_lines(case: CaseReport, width: int, *, notes: bool, every_guard: bool) -> list[Line]:
    """One sentence each.

    Args:
        case: The case.
        width: Columns of the terminal.
        notes: All notes were told, also those that only say that a guard differs.
        every_guard: List the guards that no finding speaks of, in place of their number alone.
    """
    findings = told(case, notes=notes)
    guards = _untold_guards(case, findings)
    lines: list[Line] = []
    if not findings and case.status is Status.COMPLETED:
        lines += block(_nothing(case), width, indent=2, hang=2, style="green")
    for change in case.lock_changes:
        lines += block(flat(str(change)), width, indent=2, hang=2, style="yellow")
    sentences = [*eager_failures(case), *_known(case), *map(flat, case.notes)]
    if guards:
        sentences.insert(0, _guard_sentence(guards, more=bool(findings)))
    for sentence in sentences:
        lines += block(sentence, width, indent=2, hang=2, style="dim")
    if every_guard:
        lines += [line for guard in guards for line in _guard_lines(guard, width)]
    return [EMPTY, *lines] if every_guard and findings and lines else lines


def is_quiet(case: CaseReport, *, notes: bool) -> bool:
    """Can one sentence say all about it, because nothing is told and no policy changes anything?"""
    return case.status is Status.COMPLETED and not told(case, notes=notes) and bool(unchanged(case.scenarios))


def _nothing(case: CaseReport) -> str:
    """``no findings``, and why the case has no table then."""
    what = "no findings above note" if case.findings else "no findings"
    if any(finding.allowed is not None for finding in case.findings):
        what = "no other findings"
    same = unchanged(case.scenarios)
    return f"{what}: {same}" if same else what


def _known(case: CaseReport) -> list[str]:
    number = sum(finding.allowed == IN_BASELINE for finding in case.findings)
    return [f"{counted(number, 'finding is', 'findings are')} in the baseline"] if number else []


def eager_failures(case: CaseReport) -> list[str]:
    """What eager mode raises where no finding says so."""
    explained = {finding.scenario for finding in case.findings if finding.consequence is Consequence.RAISES}
    return [
        eager_failure(scenario.name, scenario.eager_error)
        for scenario in case.scenarios
        if scenario.eager_error and scenario.name not in explained
    ]


def _untold_guards(case: CaseReport, findings: Iterable[Finding]) -> list[ViolatedGuard]:
    """Violated guards that none of these findings speaks of, nor one that is accepted, each once."""
    accepted = (finding for finding in case.findings if finding.allowed is not None)
    paths = {path for finding in (*findings, *accepted) for path in (finding.path, *finding.also) if path}
    guards = {
        (guard.region, guard.source, guard.guard_type, guard.matters): guard
        for scenario in case.scenarios
        for guard in scenario.violated_guards
        if guard.path not in paths and guard.source not in paths
    }
    return list(guards.values())


def _guard_sentence(guards: Sequence[ViolatedGuard], *, more: bool) -> str:
    """``212 more guards differ, none changes the graph``."""
    counts = Counter(guard.matters for guard in guards)
    number = f"{counted(len(guards), 'more guard' if more else 'guard')} {'differs' if len(guards) == 1 else 'differ'}"
    if set(counts) == {False}:
        return f"{number}, {'it does not change' if len(guards) == 1 else 'none changes'} the graph"
    effects = {
        False: "without a change of the graph",
        True: "in scenarios with another graph",
        None: "with unknown effect",
    }
    if len(counts) == 1:
        return f"{number} {effects[guards[0].matters]}"
    return f"{number}: " + ", ".join(f"{counts[each]:,} {effect}" for each, effect in effects.items() if counts[each])


def _guard_lines(guard: ViolatedGuard, width: int) -> list[Line]:
    name = flat(guard.path or guard.source, 200)
    text = f"{name}: {flat(guard.expected)} at profile, {flat(guard.actual)} at serving"
    return [*block(text, width, indent=4, hang=2), *place_lines(guard.location, width, indent=6)]
