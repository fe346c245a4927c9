"""Lines of the model's source: where something stands, and what stands there."""

from __future__ import annotations

from steadygraph.model import Location
from steadygraph.report.text.layout import Line, Span, cells, cropped, flat, printable, shortened

#: Columns below which a piece of source says nothing.
_LEAST_SOURCE = 24


def file_name(location: Location) -> str:
    """``model.py`` of any path."""
    return printable(location.path.replace("\\", "/").rpartition("/")[2])


def place_line(location: Location | None, width: int, *, indent: int = 4) -> list[Line]:
    """Place and source on one line: with the folders if there is room for them, the end of the source cut if not."""
    if location is None:
        return []
    source = flat(location.text or "", 300)
    function = f" in {flat(location.function, 100)}"
    room = width - indent
    for place in (f"{printable(location.path)}:{location.line}", f"{file_name(location)}:{location.line}"):
        for where in (place + function, place):
            if source and cells(where) + 2 + cells(source) <= room:
                return [_line(where, source, indent)]
    left = room - cells(place) - 2
    return (
        [_line(place, cropped(source, left), indent)]
        if source and left >= _LEAST_SOURCE
        else place_lines(location, width, indent=indent)
    )


def place_lines(location: Location | None, width: int, *, indent: int = 4) -> list[Line]:
    """Place and source, nothing left out: on one line if it is wide enough, otherwise below each other."""
    if location is None:
        return []
    where = f":{location.line} in {cropped(flat(location.function, 100), width // 3)}"
    place = shortened(printable(location.path), max(width - indent - cells(where), 20)) + where
    source = flat(location.text or "", 300)
    if not source:
        return [(Span(" " * indent + place, "dim"),)]
    if indent + cells(place) + 2 + cells(source) <= width:
        return [_line(place, source, indent)]
    below = Span(" " * (indent + 4) + cropped(source, width - indent - 4), "italic")
    return [(Span(" " * indent + place, "dim"),), (below,)]


def _line(place: str, source: str, indent: int) -> Line:
    return (Span(f"{' ' * indent}{place}: ", "dim"), Span(source, "italic"))
