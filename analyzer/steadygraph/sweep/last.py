"""The sweep before this one: how long its targets took, and how much memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from steadygraph.errors import SteadygraphError
from steadygraph.sweep import folder
from steadygraph.sweep.entry import Entry


def entries(named: Path | None, *, beside: Path) -> tuple[Path | None, Mapping[str, Entry]]:
    """The folder of the last sweep, and its entries by target.

    Args:
        named: The folder; None: the newest one beside ``beside``.
        beside: The folder of this sweep, which counts where it was begun before.

    Raises:
        UsageError: The folder that was named is no sweep.
    """
    if named is not None:
        return named, _of(named)
    for candidate in sorted(_near(beside), key=_written, reverse=True):
        with contextlib.suppress(SteadygraphError):  # of another version: times are no more than a help
            return candidate, _of(candidate)
    return None, {}


def _of(place: Path) -> Mapping[str, Entry]:
    return {entry.target: entry for entry in folder.read(place).entries}


def _near(out: Path) -> Iterator[Path]:
    own = out.absolute()
    with contextlib.suppress(OSError):
        yield from (each for each in own.parent.iterdir() if each != own and folder.is_sweep(each))


def _written(place: Path) -> float:
    return (place / "sweep.json").stat().st_mtime
