"""What a target's text names: a file or a module, and perhaps a class in it.  Nothing is imported here."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from steadygraph.case.folders import PATTERN, case_files
from steadygraph.errors import CaseError
from steadygraph.errors.near_miss import question

_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_MODULE = _CLASS
_FORMS = "a target is case.py, package.module:Class or path/file.py:Class"
#: At most this many case files are proposed for a folder.
_PROPOSALS = 3


@dataclass(frozen=True, slots=True)
class Target:
    """A target as it was written, in parts; exactly one of ``file`` and ``module`` is set."""

    text: str
    file: Path | None = None
    module: str | None = None
    class_name: str | None = None

    @property
    def place(self) -> str:
        """The file or module, as it was written."""
        return self.text if self.class_name is None else self.text[: -len(self.class_name) - 1]


def parse(text: str) -> Target:
    """Take a target apart; a file must be there and end in ``.py``.

    Raises:
        CaseError: There is no such file, it is a folder, it is not Python, or the text has none of the forms.
    """
    place, class_name = _split(text)
    if _looks_like_a_file(place):
        return Target(text, file=python_file(place), class_name=class_name)
    if not _MODULE.fullmatch(place):
        raise CaseError(f"{text!r} is no target", hint=_FORMS)
    return Target(text, module=place, class_name=class_name)


def expanded(text: str) -> list[str]:
    """The case files of a directory, and every other target, as it is; a directory without any is left to ``parse``.

    Raises:
        CaseError: The directory, or one in it, cannot be read.
    """
    if not (_looks_like_a_file(text) and os.path.isdir(text)):
        return [text]
    return case_files(text) or [text]


def python_file(text: str) -> Path:
    """The file of this name, which is a Python file."""
    path = Path(text)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise CaseError(f"{text}: no such file", hint=_near_misses(path)) from None
    except OSError as error:
        raise CaseError(f"{text} cannot be read: {error.strerror}", hint=_FORMS) from error
    if stat.S_ISDIR(mode):
        files = case_files(text)
        problem = f"{text} is a directory" if files else f"{text} is a directory without any {PATTERN}"
        raise CaseError(problem, hint=_proposed(files or [str(path / file) for file in _python_files(path)]))
    if path.suffix != ".py" or not stat.S_ISREG(mode):
        raise CaseError(f"{text} is not a Python file", hint="the name of a case file ends in .py")
    return path.absolute()


def _split(text: str) -> tuple[str, str | None]:
    place, colon, class_name = text.rpartition(":")
    if not colon or not place:
        return text, None
    if _CLASS.fullmatch(class_name):
        return place, class_name
    if place.endswith(".py"):
        raise CaseError(f"{class_name!r} is no name of a class", hint=_FORMS)
    return text, None


def _looks_like_a_file(place: str) -> bool:
    if place.endswith(".py") or "/" in place or os.sep in place or place in {".", ".."}:
        return True
    return place != "" and os.path.exists(place) and not os.path.exists(os.path.join(place, "__init__.py"))


def _python_files(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix == ".py")
    except OSError:
        return []


def _proposed(files: list[str]) -> str:
    files = [file for file in files if os.path.basename(file) != "__init__.py"]
    if not files:
        return "name a case file; there is no Python file in this directory"
    return f"name case files: {', '.join(files[:_PROPOSALS])}{', ...' if len(files) > _PROPOSALS else ''}"


def _near_misses(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    files = {file: str(path.parent / file) for file in _python_files(path.parent)}
    guess = question(path.name, files)
    return guess or _FORMS
