"""What was tried so far, on disk: a call that ends the process costs none of those before it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from steadygraph.model import Probe, Probed
from steadygraph.report.json.values import taken, written

_BEGUN, _TRIED, _ENDED = "begun", "tried", "ended"


def file_of(folder: Path, target: str) -> Path:
    """The journal of one target."""
    return folder / hashlib.sha256(target.encode("utf-8", "surrogateescape")).hexdigest()


def has_ended(file: Path, how: str) -> bool:
    """Note how the process of a target ended, if that was in one of its calls; False: it was not."""
    if _last(file) != _BEGUN:
        return False
    _add(file, _ENDED, how)
    return True


class Journal:
    """Of one target.

    Args:
        file: Where it is kept; None: nowhere.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        #: What became of calls in earlier processes, and how one of these ended in a call.
        self.tried: dict[Probe, Probed] = {}
        self.ended: dict[str, str] = {}
        begun = ""
        for kind, text in [] if file is None else _lines(file):
            if kind == _BEGUN:
                begun = text
            elif kind == _ENDED:
                self.ended[begun] = text
            else:
                one = taken(Probed, json.loads(text))
                self.tried[one.probe] = one

    def begins(self, name: str) -> None:
        """What is done next may be the last that the process does."""
        if self._file is not None:
            _add(self._file, _BEGUN, name)

    def has_tried(self, one: Probed) -> None:
        if self._file is not None:
            _add(self._file, _TRIED, written(Probed, one, indent=None))


def _add(file: Path, kind: str, text: str) -> None:
    with file.open("a", encoding="ascii") as lines:
        lines.write("\n" + json.dumps([kind, text]))


def _lines(file: Path) -> list[tuple[str, str]]:
    if not file.exists():
        return []
    return [line for text in file.read_text(encoding="ascii").split("\n") if (line := _read(text)) is not None]


def _read(text: str) -> tuple[str, str] | None:
    """One line; None: it was cut where the process ended while it wrote."""
    try:
        kind, content = json.loads(text)
    except ValueError:
        return None
    return kind, content


def _last(file: Path) -> str:
    lines = _lines(file)
    return lines[-1][0] if lines else ""
