"""The first screen: what every scenario of every case does under every policy, and which findings say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steadygraph.model import PROFILE, CaseReport, Outcome, Result, ScenarioReport, Status
from steadygraph.model.run import counted, summarised
from steadygraph.report.text.grouping import Entry
from steadygraph.report.text.layout import flat
from steadygraph.report.text.table import (
    EAGER,
    Column,
    column_label,
    eager_result,
    eager_text,
    is_same,
    outcome_text,
    policy_columns,
    shows_eager,
    unchanged,
)
from steadygraph.report.text.wording import compiled

#: More scenarios than this are folded where nothing happens in them; more cases than this likewise.
_MANY_SCENARIOS, _MANY_CASES = 12, 12


@dataclass(frozen=True, slots=True)
class Cell:
    """``result`` is the word that decides how it looks; empty where the scenario was not judged."""

    text: str
    result: str


@dataclass(frozen=True, slots=True)
class Row:
    """A scenario: what it does, and the (anchor, rule) of what was found in it."""

    name: str
    cells: tuple[Cell, ...]
    findings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CaseRows:
    """A case: its scenarios, and sentences where these do not say all."""

    anchor: str
    target: str
    compiled: str
    counts: str
    rows: tuple[Row, ...]
    #: (tone, sentence): ``good``, ``warn``, ``bad`` or ``plain``.
    remarks: tuple[tuple[str, str], ...]

    @property
    def is_quiet(self) -> bool:
        return not self.rows and {tone for tone, _ in self.remarks} == {"good"}


@dataclass(frozen=True, slots=True)
class Overview:
    columns: tuple[str, ...]
    cases: tuple[CaseRows, ...]
    #: Cases in which nothing happens, where they are many.
    quiet: tuple[CaseRows, ...]


def overview(cases: Sequence[tuple[str, CaseReport, Sequence[tuple[str, Entry]]]]) -> Overview:
    """The table of a report.

    Args:
        cases: (anchor, case, its findings with their anchors).
    """
    columns = policy_columns(scenario for _, case, _ in cases for scenario in case.scenarios)
    eager = shows_eager(scenario for _, case, _ in cases for scenario in case.scenarios)
    every = [_case(anchor, case, entries, columns, eager=eager) for anchor, case, entries in cases]
    quiet = [case for case in every if case.is_quiet]
    if len(every) <= _MANY_CASES:
        quiet = []
    loud = tuple(case for case in every if not quiet or not case.is_quiet)
    labels = (*([EAGER] if eager else []), *map(column_label, columns))
    return Overview(labels, loud, tuple(quiet))


def _case(
    anchor: str, case: CaseReport, entries: Sequence[tuple[str, Entry]], columns: Sequence[Column], *, eager: bool
) -> CaseRows:
    rows, remark = _rows(case, entries, columns, eager=eager)
    locked = tuple(("warn", flat(str(change))) for change in case.lock_changes)
    counts = summarised([case]).findings if case.findings else ""
    what = compiled(case.regions) if case.regions else ""
    return CaseRows(anchor, case.target, what, counts, rows, (*locked, *remark))


def _rows(
    case: CaseReport, entries: Sequence[tuple[str, Entry]], columns: Sequence[Column], *, eager: bool
) -> tuple[tuple[Row, ...], tuple[tuple[str, str], ...]]:
    if case.status is not Status.COMPLETED:
        reason = f"{case.error.type}: {case.error.message}" if case.error else "no reason is known"
        return (), (("bad", f"{case.status}: {flat(reason)}"),)
    found = _found(entries)
    if not found and (same := unchanged(case.scenarios)):
        return (), (("good", same),)
    told = [each for each in case.scenarios if each.outcomes or each.name in found]
    quiet = {id(each) for each in told if each.name not in found and is_same(each)}
    # A profile call to which nothing happens is no news.
    told = [each for each in told if each.name != PROFILE or id(each) not in quiet]
    folded = [each for each in told if id(each) in quiet] if len(told) > _MANY_SCENARIOS else []
    if len(folded) > 1:
        told = [each for each in told if id(each) not in quiet]
    rows = tuple(Row(each.name, _cells(each, columns, eager=eager), tuple(found.get(each.name, ()))) for each in told)
    if len(folded) > 1:
        return rows, (("good", f"{counted(len(folded), 'more scenario')}: same under every policy"),)
    return rows, () if rows else (("plain", "no scenario was judged"),)


def _found(entries: Sequence[tuple[str, Entry]]) -> dict[str, list[tuple[str, str]]]:
    """(anchor, rule) of what was found in each scenario: of several of one rule the first, and their number."""
    anchors: dict[str, dict[str, list[str]]] = {}
    for anchor, entry in entries:
        for scenario in entry.scenarios:
            anchors.setdefault(scenario, {}).setdefault(entry.rule, []).append(anchor)
    return {
        scenario: [(found[0], f"{rule} ({len(found)})" if len(found) > 1 else rule) for rule, found in rules.items()]
        for scenario, rules in anchors.items()
    }


def _cells(scenario: ScenarioReport, columns: Sequence[Column], *, eager: bool) -> tuple[Cell, ...]:
    truth = [Cell(eager_text(scenario), str(eager_result(scenario)))] if eager else []
    return (*truth, *(_cell(scenario, column) for column in columns))


def _cell(scenario: ScenarioReport, column: Column) -> Cell:
    outcome = next((each for each in scenario.outcomes if (each.policy, each.backend) == column), None)
    return Cell("not judged", "") if outcome is None else Cell(outcome_text(outcome), str(worst(outcome)))


def worst(outcome: Outcome) -> Result:
    """What is proved, or what is predicted where nothing could be."""
    return outcome.predicted or outcome.result
