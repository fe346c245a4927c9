"""The findings of one case as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from steadygraph.model import CaseReport, Consequence, Finding, Location, ScenarioReport, Severity
from steadygraph.report.document import counted
from steadygraph.report.grouping import Entry, Place, entries
from steadygraph.report.layout import EMPTY, Line, Span, block, cells, cropped, flat, listed, printable, shortened
from steadygraph.report.wording import what_happens, what_the_graph_lacks

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
#: Notes are told in a sentence each up to here, and counted beyond.
_MOST_NOTES = 3
_MOST_KINDS = 4
#: Places of one defect that are shown.
_MOST_PLACES = 6
#: What a finding with one of these costs follows from its rule: its message says all there is.
_PLAIN = (Consequence.SLOW, Consequence.BENIGN)


def finding_lines(case: CaseReport, width: int, *, notes: bool, every_place: bool) -> list[Line]:
    """All findings of a case, a blank line before each.

    Args:
        case: The case; its scenarios say what happened.
        width: Columns of the terminal.
        notes: Show notes as fully as errors and warnings.
        every_place: Show all places of a defect, however many.
    """
    scenarios = {scenario.name: scenario for scenario in case.scenarios}
    most_places = None if every_place else _MOST_PLACES
    told: set[str] = set()
    lines: list[Line] = []
    quiet: list[Entry] = []
    for entry in entries(case.findings):
        if notes or entry.first.severity is not Severity.NOTE:
            lines += [EMPTY, *_entry_lines(entry, scenarios, told, width, most_places)]
        else:
            quiet.append(entry)
    return [*lines, EMPTY, *_note_lines(quiet, width)] if quiet else lines


def location_lines(location: Location | None, width: int, *, indent: int = 4) -> list[Line]:
    """The place, and the source that stands there: behind it if the line is wide enough, otherwise below."""
    if location is None:
        return []
    where = f":{location.line} in {cropped(flat(location.function, 100), width // 3)}"
    path = shortened(printable(location.path), max(width - indent - cells(where), 20))
    source = flat(location.text or "", 300)
    place = Span(f"{' ' * indent}{path}{where}", "dim")
    if not source:
        return [(place,)]
    if cells(place.text) + 2 + cells(source) <= width:
        return [(place, Span(": ", "dim"), Span(source, "italic"))]
    return [(place,), (Span(" " * (indent + 4) + cropped(source, width - indent - 4), "italic"),)]


def _entry_lines(
    entry: Entry, scenarios: Mapping[str, ScenarioReport], told: set[str], width: int, most_places: int | None
) -> list[Line]:
    first = entry.first
    concerned = [scenarios[name] for name in entry.places[0].scenarios if name in scenarios]
    lines = _title_lines(entry, concerned, width)
    lines += _places_lines(entry, width, most_places)
    # Several findings of one scenario share its graph: that is said once.
    lacks = next(filter(None, (what_the_graph_lacks(scenario.graph) for scenario in concerned)), "")
    if lacks and lacks not in told and first.consequence not in _PLAIN:
        told.add(lacks)
        lines += block(lacks, width, indent=4, hang=2)
    return lines + (block(f"fix: {flat(first.fix, 600)}", width, indent=4, hang=5, style="green") if first.fix else [])


def _title_lines(entry: Entry, concerned: Sequence[ScenarioReport], width: int) -> list[Line]:
    """Which rule, in which scenarios, and what happens there; on one line if it fits."""
    first = entry.first
    if first.consequence in _PLAIN:
        return _styled(block(f"{entry.title}: {flat(first.message)}", width, indent=2, hang=2), first.severity)
    happens = what_happens(first.consequence, concerned, told=first.message)
    title = f"{entry.title}: {happens}"
    if 2 + cells(title) <= width:
        return _styled(block(title, width, indent=2, style="bold"), first.severity)
    lines = _styled(block(entry.title, width, indent=2, hang=2, style="bold"), first.severity)
    return lines + block(happens, width, indent=4, hang=2, style="bold")


def _places_lines(entry: Entry, width: int, most: int | None) -> Iterator[Line]:
    """Per place the message, unless it was said already, and the line of source."""
    said = entry.first.message if entry.first.consequence in _PLAIN else None
    for place in entry.places[:most]:
        if place.first.message != said:
            said = place.first.message
            yield from block(flat(said), width, indent=4)
        yield from _change_lines(place, width)
        yield from location_lines(place.first.location, width)
    if most is not None and len(entry.places) > most:
        yield (Span(f"   {_more(len(entry.places) - most)}", "dim"),)


def _change_lines(place: Place, width: int) -> list[Line]:
    """Path and values, as far as the message leaves them out."""
    first, lines = place.first, list[Line]()
    if first.path not in first.message and _changed(first):
        change = f"{flat(first.path, 120)}: {flat(first.profile)} at profile, {flat(first.serving)} at serving"
        lines += block(change, width, indent=4, hang=2)
    if place.serving_values:
        lines += block(f"serving values: {place.serving_values}", width, indent=4, hang=2)
    return lines


def _more(places: int) -> str:
    return f" and {counted(places, 'more place')}" if places else ""


def _changed(finding: Finding) -> bool:
    return finding.profile != finding.serving


def _note_lines(notes: Sequence[Entry], width: int) -> list[Line]:
    """Notes change nothing: a sentence each, and only their number where they are many."""
    if len(notes) <= _MOST_NOTES:
        sentences = [f"{entry.title}: {flat(entry.first.message)}{_more(len(entry.places) - 1)}" for entry in notes]
        return [line for each in sentences for line in _styled(block(each, width, indent=2, hang=2), Severity.NOTE)]
    counts = Counter[str]()
    for entry in notes:
        counts[f"{flat(entry.first.rule, 20)} {flat(entry.first.name, 60)}"] += sum(
            len(p.findings) for p in entry.places
        )
    kinds = listed((f"{number} x {name}" for name, number in counts.most_common()), _MOST_KINDS, limit=100)
    sentence = f"{counted(sum(counts.values()), 'note')}: {kinds}"
    return block(sentence, width, indent=2, hang=4, style=_STYLES[Severity.NOTE])


def _styled(lines: list[Line], severity: Severity) -> list[Line]:
    """The severity at the start of the first line in its own colour."""
    (span, *rest), *others = lines
    start = span.text.index(severity) + len(severity)
    return [(Span(span.text[:start], _STYLES[severity]), Span(span.text[start:], span.style), *rest), *others]
