"""Findings that are not the loudest of their case: an entry of two lines each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from steadygraph.model import Location, Severity
from steadygraph.model.run import counted
from steadygraph.report.text.blocks import STYLES
from steadygraph.report.text.grouping import Entry
from steadygraph.report.text.layout import Line, block, flat, listed, styled
from steadygraph.report.text.places import file_name

_LINES = 2
#: What is said at most about one entry.
_MOST_FACTS, _MOST_PLACES = 3, 4
#: Notes have an entry each up to here, and are counted beyond.
_MOST_NOTES = 3
_MOST_KINDS = 4
#: Where a sentence can end early; not in code and not in parentheses.
_SEAM = re.compile(r"`[^`]*`|\([^()]*\)|(; |: |, and |, which )")
_SHORTEST = 12


def brief_lines(entry: Entry, width: int, *, regions: bool = True) -> list[Line]:
    """The entry on two lines: as many clauses of its facts as they take, then places as ``model.py:7``.

    ``warning SG402 host-sync [image]: indexing with a bool mask (model.py:7); nonzero (line 9)``

    Args:
        entry: Any entry.
        width: Columns of the terminal.
        regions: Name the region in which it is.
    """
    facts = [(_forms(message), place) for message, place in _facts(entry)]
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


def _facts(entry: Entry) -> Iterable[tuple[str, str]]:
    """Messages, each once, with where that is: `` (model.py:7, 9)``; a file that was just named is `` (line 7)``."""
    found: dict[str, list[Location]] = {}
    for place in entry.places:
        values = f"; serving values: {place.serving_values}" if place.serving_values else ""
        lines = found.setdefault(flat(place.first.message) + values, [])
        if place.first.location and place.first.location not in lines:
            lines.append(place.first.location)
    path = ""
    for message, locations in found.items():
        names: list[str] = []
        for location in locations:
            file = f"{file_name(location)}:" if location.path != path else "" if names else "line "
            names.append(f"{file}{location.line}")
            path = location.path
        yield message, f" ({listed(names, _MOST_PLACES, limit=80)})" if names else ""


def _forms(message: str) -> list[str]:
    """The message up to each of its seams, the whole last."""
    ends = [found.start() for found in _SEAM.finditer(message) if found[1] and found.start() >= _SHORTEST]
    return [*(message[:end] for end in ends), message]
