"""What ``steadygraph compare`` compares: two reports, two sweeps, or ranks."""

from __future__ import annotations

from pathlib import Path

from steadygraph.errors import UsageError
from steadygraph.history import ranks
from steadygraph.history.changes import Changes, changes_between, formats
from steadygraph.history.ranks import formats as rank_formats
from steadygraph.model import Severity
from steadygraph.report.json.codec import read
from steadygraph.sweep import folder
from steadygraph.sweep.comparison import changes_between_sweeps


def of_two(old: Path, new: Path, format: str, fail_on: str, width: int) -> tuple[str, bool]:
    """What changed, as text, and whether something is worse.

    Raises:
        UsageError: One of them cannot be read, or is a sweep where the other one is a report.
    """
    changes = _changes(old, new)
    rendered = formats.text(changes, width=width) if format == "text" else formats.FORMATS[format](changes)
    return rendered, fail_on != "never" and changes.is_worse(Severity(fail_on))


def of_ranks(place: Path, world_size: int | None, format: str, width: int) -> tuple[str, bool]:
    """What is not the same, as text, and whether anything is."""
    found = ranks.compared(ranks.read(place, world_size))
    if format == "text":
        return rank_formats.text(found, width=width), not found.is_same
    return rank_formats.FORMATS[format](found), not found.is_same


def _changes(old: Path, new: Path) -> Changes:
    if not (old.is_dir() or new.is_dir()):
        return changes_between(read(old), read(new))
    if not (old.is_dir() and new.is_dir()):
        one, other = (old, new) if old.is_dir() else (new, old)
        raise UsageError(f"{one} is a directory, and {other} is not", hint="compare two reports, or two sweeps")
    return changes_between_sweeps(folder.read(old), folder.read(new))
