"""Findings that are not the loudest of their case: an entry of two lines each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from steadygraph.model import Location, Severity
from steadygraph.model.run import counted
from steadygraph.report.text.blocks import STYLES
from steadygraph.report.text.grouping import Entry, Place
from steadygraph.report.text.layout import Line, block, flat, listed, styled
from steadygraph.report.text.places import file_name
from steadygraph.report.text.wording import what_changed

_LINES = 2
#: What is said at most about one entry.
_MOST_FACTS, _MOST_PLACES = 3, 4
#: Notes have an entry each up to here, and are counted beyond.
_MOST_NOTES = 3
_MOST_KINDS = 4
#: What is shorter says too little without the clause behind it.
_SHORTEST = 12


def brief_lines(entry: Entry, width: int, *, regions: bool = True) -> list[Line]:
    """The entry on two lines: as many clauses of its facts as they take, then places as ``model.py:7``.

    ``warning SG402 host-sync [image]: indexing with a bool mask (model.py:7); nonzero (line 9)``

    Args:
        entry: Any entry.
        width: Columns of the terminal.
        regions: Name the region in which it is.
    """
    facts = _facts(entry)
    while True:
        told = "; ".join(f"{forms[-1]}{place}" for forms, place in facts[:_MOST_FACTS])
        more = f" and {len(facts) - _MOST_FACTS} more" if len(facts) > _MOST_FACTS else ""
        lines = block(f"{entry.title(regions=regions)}: {told}{more}", width, indent=2, hang=2)
        longest = max((forms for forms, _ in facts[:_MOST_FACTS]), key=lambda forms: (len(forms) > 1, len(forms[-1])))
        if len(lines) <= _LINES or len(longest) == 1:
            return styled(lines, entry.first.severity, STYLES[entry.first.severity])
        longest.pop()


def note_lines(notes: Sequence[Entry], width: int, *, regions: bool = True) -> list[Line]:
    """Notes change nothing: only their number where they are many."""
    if len(notes) <= _MOST_NOTES:
        return [line for entry in notes for line in brief_lines(entry, width, regions=regions)]
    counts = Counter[str]()
    for entry in notes:
        counts[entry.rule] += sum(len(place.findings) for place in entry.places)
    kinds = listed((f"{number} x {name}" for name, number in counts.most_common()), _MOST_KINDS, limit=100)
    sentence = f"{counted(sum(counts.values()), 'note')}: {kinds}"
    return block(sentence, width, indent=2, hang=4, style=STYLES[Severity.NOTE])


def _facts(entry: Entry) -> list[tuple[list[str], str]]:
    """The forms of each message, and where that is: `` (model.py:7, 9)``; in a file just named `` (line 7)``."""
    found: dict[tuple[str, ...], list[Location]] = {}
    for place in entry.places:
        lines = found.setdefault(_forms(place), [])
        if place.first.location and place.first.location not in lines:
            lines.append(place.first.location)
    facts, path = [], ""
    for forms, locations in found.items():
        names: list[str] = []
        for location in locations:
            file = f"{file_name(location)}:" if location.path != path else "" if names else "line "
            names.append(f"{file}{location.line}")
            path = location.path
        facts.append((list(forms), f" ({listed(names, _MOST_PLACES, limit=80)})" if names else ""))
    return facts


def _forms(place: Place) -> tuple[str, ...]:
    """The message without its last clauses, one more from each to the next; all of it, and the values, last."""
    change = what_changed(place.first)
    pieces = place.first.pieces
    starts = ("".join(pieces[:number]) for number in range(1, len(pieces)))
    forms = [*(flat(start) for start in starts if len(start) >= _SHORTEST), flat(place.first.message)]
    if change:
        forms = [f"{form}; {change}" for form in forms]
    return (*forms, f"{forms[-1]}; serving values: {place.serving_values}") if place.serving_values else tuple(forms)
