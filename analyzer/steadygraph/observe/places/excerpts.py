"""Source lines around the places that findings name, so that a report can be read where the source is not."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Iterator

from steadygraph.model import Location, SourceExcerpt
from steadygraph.report.portable import scrubbed, withheld

#: Lines before and after the one that is named.
_AROUND = 4


def around(places: Iterable[Location]) -> tuple[SourceExcerpt, ...]:
    """Excerpts that hold every place whose file can be read, sorted by path and line; neighbours are joined.

    A line that is no longer what it was has none: the place may be from a recording of an older file.
    """
    named: dict[str, set[int]] = {}
    for place in places:
        if _stands(place):
            named.setdefault(place.path, set()).add(place.line)
    return tuple(one for path in sorted(named) for one in _of_file(path, named[path]))


def _stands(place: Location) -> bool:
    linecache.checkcache(place.path)
    line = linecache.getline(place.path, place.line).strip()
    return place.text in (None, line) or place.text == scrubbed(line)


def _of_file(path: str, named: set[int]) -> Iterator[SourceExcerpt]:
    text = linecache.getlines(path)
    wanted = {near for line in named if 0 < line <= len(text) for near in range(line - _AROUND, line + _AROUND + 1)}
    for first, last in _runs(sorted(wanted & set(range(1, len(text) + 1)))):
        yield SourceExcerpt(path, first, withheld(tuple(line.rstrip("\r\n") for line in text[first - 1 : last])))


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """(first, last) of each run of consecutive numbers."""
    start = 0
    for index, number in enumerate(numbers):
        if index + 1 == len(numbers) or numbers[index + 1] != number + 1:
            yield numbers[start], number
            start = index + 1
