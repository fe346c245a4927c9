"""The line of the project at which a finding is shown: reviews and annotations know no other files.

A finding in an installed package falls back to the class of the model, and to the first line of the case file where
that is installed too.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from steadygraph.model import CaseReport, Finding, Location
from steadygraph.report.text.layout import flat

#: A colon without the name of a class behind it belongs to the file.
_TARGET = re.compile(r"(?P<place>.*?)(?::(?P<name>[^\W\d][\w.]*))?", re.DOTALL)
#: Linux opens no file with a longer name.
_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line of a file below the project root.

    Args:
        path: Relative to the root, with ``/`` between its parts.
        line: Counted from 1.
        text: The line, with its indentation where that is known; empty: not known.
        is_cause: This is the line that the finding names, not one that stands for it.
    """

    path: str
    line: int
    text: str = ""
    is_cause: bool = False

    def elsewhere(self, finding: Finding) -> str:
        """A sentence that names the line of the finding where this one stands for it; otherwise empty."""
        if finding.location is None or self.is_cause:
            return ""
        place = f"{flat(finding.location.path, 200)}:{finding.location.line}"
        return f"The line is {place}, which is not a file of this project"


class Anchors:
    """Finds the lines for the findings of one case of a portable report."""

    def __init__(self, case: CaseReport) -> None:
        self._lines = {
            (excerpt.path, number): text
            for excerpt in case.sources
            for number, text in enumerate(excerpt.lines, excerpt.first_line)
        }
        #: The line for what concerns the case as a whole.
        self.of_case = self._at(case.location) or Anchor(_case_file(case.target), 1)

    def of(self, finding: Finding) -> Anchor:
        return self._at(finding.location, is_cause=True) or self.of_case

    def _at(self, location: Location | None, *, is_cause: bool = False) -> Anchor | None:
        path = None if location is None or location.outside else _below_root(location.path)
        if location is None or path is None:
            return None
        text = self._lines.get((location.path, location.line), "").rstrip()
        return Anchor(path, max(location.line, 1), text or location.text or "", is_cause)


def parts(target: str) -> tuple[str, str]:
    """File or module of a target, and its class, which may be empty."""
    found = _TARGET.fullmatch(target)
    assert found is not None, "the pattern matches every string"
    return found["place"], found["name"] or ""


def _below_root(path: str) -> str | None:
    """The path in its shortest form; None for what is no file below the root (``<string>``, ``../beside.py``)."""
    if not path or len(path) > _LONGEST_PATH or path.startswith(("/", "<", "~")):
        return None
    path = posixpath.normpath(path)
    return None if path == "." or path.partition("/")[0] == ".." else path


def _case_file(target: str) -> str:
    """``path/case.py`` of ``path/case.py:Class``, ``package/module.py`` of ``package.module:Class``."""
    place, _ = parts(target)
    if not place.endswith(".py") and "/" not in place and all(place.split(".")):  # a module, and no directory
        place = f"{place.replace('.', '/')}.py"
    return _below_root(place) or place[:_LONGEST_PATH] or "case.py"
