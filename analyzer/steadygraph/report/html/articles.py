"""A finding in full: what, before and now, the line of the model, what the graph lacks, the proof, what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from steadygraph.model import (
    CaseReport,
    Finding,
    Location,
    Outcome,
    Result,
    ScenarioReport,
    Severity,
    SourceExcerpt,
)
from steadygraph.report.html.markup import prose
from steadygraph.report.html.overview import worst
from steadygraph.report.text.grouping import Entry, Place, entries
from steadygraph.report.text.layout import enumerated, flat
from steadygraph.report.text.table import error_size, outcome_text, policy_label
from steadygraph.report.text.wording import what_happens, what_the_graph_lacks

#: Places of one defect that are shown at once.
_MOST_PLACES = 4
#: Lines before and after the one that is marked.
_AROUND = 4
_MOST_LETTERS = 2000


@dataclass(frozen=True, slots=True)
class SourceLine:
    number: int
    text: str
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Lines of a file, and which of them is meant."""

    where: str
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True, slots=True)
class PlaceView:
    """One path or line: what is said of it (empty if the title says it), its values, its source."""

    message: Markup | None
    path: str
    profile: str
    serving: str
    also: str
    source: Source | None


@dataclass(frozen=True, slots=True)
class Proof:
    """One row: what a scenario did under a policy."""

    scenario: str
    policy: str
    text: str
    result: str
    error: str
    compilations: str
    reason: str


@dataclass(frozen=True, slots=True)
class Article:
    anchor: str
    severity: str
    rule: str
    name: str
    kind: str
    scenarios: str
    regions: str
    title: Markup
    happens: str
    places: tuple[PlaceView, ...]
    more_places: tuple[PlaceView, ...]
    lacks: str
    #: What its table is called: a proof, or a prediction where none of it could be run.
    proved: str
    proofs: tuple[Proof, ...]
    fix: Markup


def anchored(case: CaseReport, anchor: str) -> list[tuple[str, Entry]]:
    """The findings that the case does not accept, in groups that say the same, each with the anchor of its article."""
    found = entries(finding for finding in case.findings if finding.allowed is None)
    return [(f"{anchor}-finding-{number}", entry) for number, entry in enumerate(found, 1)]


def articles(case: CaseReport, found: Sequence[tuple[str, Entry]]) -> tuple[list[Article], list[Article]]:
    """Errors and warnings, then notes."""
    scenarios = {scenario.name: scenario for scenario in case.scenarios}
    sources = _Sources(case.sources)
    every = [_article(anchor, entry, scenarios, sources) for anchor, entry in found]
    loud = [each for each in every if each.severity != Severity.NOTE]
    return loud, [each for each in every if each.severity == Severity.NOTE]


def _article(anchor: str, entry: Entry, scenarios: dict[str, ScenarioReport], sources: _Sources) -> Article:
    first = entry.first
    concerned = [scenarios[name] for name in entry.scenarios if name in scenarios]
    plain = not first.consequence.shows_in_outcomes
    places = [_place(place, sources, told=first.message) for place in entry.places]
    regions = dict.fromkeys(each.region for place in entry.places for each in place.findings if each.region)
    changed = [each.graph for each in concerned if each.graph.same is False]
    return Article(
        anchor=anchor,
        severity=str(first.severity),
        rule=first.rule,
        name=first.name,
        kind=str(first.kind),
        scenarios=", ".join(flat(name, 80) for name in entry.scenarios),
        regions=enumerated(regions) if regions else "",
        title=prose(flat(first.message, _MOST_LETTERS)),
        happens="" if plain else what_happens(entry.findings, concerned),
        places=tuple(places[:_MOST_PLACES]),
        more_places=tuple(places[_MOST_PLACES:]),
        lacks=what_the_graph_lacks(changed[0], about=first.path) if changed and not plain else "",
        proved="proof" if any(_is_proved(outcome) for each in concerned for outcome in each.outcomes) else "prediction",
        proofs=() if plain else tuple(_proof(each, outcome) for each in concerned for outcome in each.outcomes),
        fix=prose(flat(first.fix, _MOST_LETTERS)),
    )


def _place(place: Place, sources: _Sources, *, told: str) -> PlaceView:
    first = place.first
    differ = first.profile != first.serving
    return PlaceView(
        message=None if first.message == told else prose(flat(first.message, _MOST_LETTERS)),
        path=first.path if differ else "",
        profile=first.profile if differ else "",
        serving=(place.serving_values or first.serving) if differ else "",
        also=_also(first),
        source=sources.of(first.location),
    )


def _also(finding: Finding) -> str:
    return ", ".join(flat(path, 120) for path in finding.also)


def _is_proved(outcome: Outcome) -> bool:
    return outcome.result is not Result.UNPROVED


def _proof(scenario: ScenarioReport, outcome: Outcome) -> Proof:
    size = outcome.max_abs_error
    return Proof(
        scenario=scenario.name,
        policy=policy_label(outcome),
        text=outcome_text(outcome) if outcome.predicted else str(outcome.result),
        result=str(worst(outcome)),
        error="" if size is None else error_size(size),
        compilations="" if outcome.recompiles is None else f"{outcome.recompiles:,}",
        reason=flat(outcome.error or "", _MOST_LETTERS),
    )


class _Sources:
    """Lines around places, from the excerpts of a case."""

    def __init__(self, excerpts: Sequence[SourceExcerpt]) -> None:
        self.excerpts: dict[str, list[SourceExcerpt]] = {}
        for excerpt in excerpts:
            self.excerpts.setdefault(excerpt.path, []).append(excerpt)

    def of(self, place: Location | None) -> Source | None:
        if place is None:
            return None
        where = f"{flat(place.path, 400)}:{place.line} in {flat(place.function, 200)}"
        for excerpt in self.excerpts.get(place.path, ()):
            if excerpt.first_line <= place.line < excerpt.first_line + len(excerpt.lines):
                return Source(where, tuple(self._around(excerpt, place.line)))
        return Source(where, (SourceLine(place.line, place.text, True),) if place.text else ())

    @staticmethod
    def _around(excerpt: SourceExcerpt, line: int) -> list[SourceLine]:
        first = max(excerpt.first_line, line - _AROUND)
        near = excerpt.lines[first - excerpt.first_line : line + _AROUND + 1 - excerpt.first_line]
        texts = textwrap.dedent("\n".join(text.expandtabs(4) for text in near)).split("\n")
        lines = [SourceLine(first + number, text, first + number == line) for number, text in enumerate(texts)]
        while lines and not lines[-1].text.strip():
            lines.pop()
        while lines and not lines[0].text.strip():
            lines.pop(0)
        return lines
