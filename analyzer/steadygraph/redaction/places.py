"""Paths: relative to the project root, below the home directory, or from the package on that they belong to."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PATH_CHARACTER = r"[\w.@+~-]"
#: Where an absolute path can begin: not inside another one, but right behind the ANSI code that colours it.
_START = rf"(?:(?<!{_PATH_CHARACTER})|(?<=[\d\[]m))"
#: An absolute path inside a text, as far as it holds no blanks; between quotes it may hold some.
_PATH = re.compile(
    r"(?<=')/[^'\n/][^'\n]*/[^'\n]+(?=')|(?<=\")/[^\"\n/][^\"\n]*/[^\"\n]+(?=\")"
    + rf"|{_START}(?:/{_PATH_CHARACTER}+)++/?"
)
_WINDOWS = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]:|\\{2,4}[\w.-]+)(?:[\\/]{1,2}[^\s\\/:*?\"'<>|,;()]+){2,}")
_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
#: What stands in front of an installed package, and in front of the standard library.
_PACKAGES = re.compile(r"^.*/(?:site|dist)-packages/")
_LIBRARY = re.compile(r"^.*/lib(?:64)?/python3\.\d+/")
_HOME = re.compile(r"^(?:/home/[^/]+|/Users/[^/]+|/root|[A-Za-z]:/Users/[^/]+)(?=/|$)")
#: The same where a path is glued to what stands before it.
_HOME_WITHIN = re.compile(r"/(?:home|Users)/[\w.@+-]+(?=/|(?![\w.@+-]))")
#: These name devices and states of the system, which every machine has.
_OF_THE_SYSTEM = re.compile(r"/(?:dev|proc|sys)(?:/|$)")
#: So many letters of a folder are no accident inside of a longer word.
_LONG = 8


class Places:
    """How a project root, and the home directory, show in texts and paths.

    Args:
        root: The project root.
    """

    def __init__(self, root: Path) -> None:
        roots = {root.as_posix(), Path(os.path.realpath(root)).as_posix()}
        home = Path(os.path.expanduser("~")).as_posix()
        # "/" and "~" (an unknown home) name no place that could be cut off.
        self._roots = sorted((each for each in roots if len(each) > 1), key=len, reverse=True)
        places = {each: ("", ".") for each in self._roots} | ({home: ("~/", "~")} if home.count("/") > 1 else {})
        self._folders = [_Folder.of(place, *places[place]) for place in sorted(places, key=len, reverse=True)]
        self._shortened = cache(self._short)

    def text(self, text: str) -> str:
        """The text with short paths in place of absolute ones."""
        if "/" in text:
            for folder in self._folders:
                text = folder.left_out(text)
            text = _PATH.sub(self._in_text, text)
            if "/home/" in text or "/Users/" in text:
                text = _HOME_WITHIN.sub(_home_in_text, text)
        return _WINDOWS.sub(_windows_in_text, text) if "\\" in text or ":/" in text else text

    def path(self, path: str) -> str:
        """The path of a file: relative to the root, or starting at its package; never absolute."""
        path = posixpath.normpath(path.replace("\\", "/") if _DRIVE.match(path) else path)
        below = self._below_root(path)
        for short in (_PACKAGES.sub("", path), path if below is None else below, _LIBRARY.sub("", path)):
            if short != path:
                return self.path(short) if is_absolute(short) else short
        return _from_package(path)

    def is_outside(self, path: str) -> bool:
        """Is this no file of the project: one of an installed package, or one elsewhere?"""
        if not is_absolute(path):
            return False
        path = posixpath.normpath(path)
        return _PACKAGES.match(path) is not None or self._below_root(path) is None

    def _in_text(self, found: re.Match[str]) -> str:
        # The host of a URL and what is there are no places of this machine.
        return found[0] if _is_in_url(found) else self._shortened(found[0])

    def _short(self, path: str) -> str:
        for prefix in (_PACKAGES, _LIBRARY):
            short = prefix.sub("", path)
            if short != path:
                return short
        if self._below_root(path) is not None or _OF_THE_SYSTEM.match(path) or not _has_folders(path):
            return path
        home = _HOME.sub("~", path)
        return home if home != path else _outside(path)

    def _below_root(self, path: str) -> str | None:
        for root in self._roots:
            if path == root:
                return "."
            if path.startswith(root.rstrip("/") + "/"):
                return path[len(root.rstrip("/")) + 1 :]
        return None


def is_absolute(path: str) -> bool:
    return path.startswith("/") or _DRIVE.match(path) is not None


def _has_folders(path: str) -> bool:
    """``/data/x`` is a place, ``/2`` and ``/data`` are not worth a word."""
    first, *others = path.strip("/").split("/")
    return bool(others) and not first[:1].isdigit()


def _outside(path: str) -> str:
    """``.../x.bin``: where nobody knows what the folders mean."""
    file = path.rstrip("/")
    package = _package(file)
    return f".../{posixpath.basename(file)}" if package is None else package


def _package(path: str) -> str | None:
    """The path from the outermost package that holds it (an editable install)."""
    folder = posixpath.dirname(path)
    top = None
    while "\0" not in folder and os.path.isfile(posixpath.join(folder, "__init__.py")):
        top, folder = folder, posixpath.dirname(folder)
    return None if top is None else posixpath.relpath(path, posixpath.dirname(top))


def _from_package(path: str) -> str:
    """The path from its package on; of a file that belongs to none, folder and file."""
    package = _package(path)
    if package is not None:
        return package
    parts = [part for part in _DRIVE.sub("/", _HOME.sub("", path)).split("/") if part]
    return "/".join(parts[-2:]) or "~"


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that texts do not name: what stands in its place, before a path and alone.

    Its own name may hold blanks, which no pattern expects.
    """

    name: str
    below: str
    itself: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, name: str, below: str, itself: str) -> _Folder:
        # So many letters are no accident where they are glued to what stands before them.
        start = _START if len(name) < _LONG or name.count("/") < 2 else ""
        return cls(name, below, itself, re.compile(rf"{start}{re.escape(name)}(?:(?P<below>/)|(?![\w@+~-]|\.\w))"))

    def left_out(self, text: str) -> str:
        return self.pattern.sub(self._short, text) if self.name in text else text

    def _short(self, found: re.Match[str]) -> str:
        if _is_in_url(found):
            return found[0]
        return self.below if found["below"] else self.itself


def _is_in_url(found: re.Match[str]) -> bool:
    """Does it stand behind the host of a URL?  That is no place of this machine; ``file:///`` is."""
    before = found.string[: found.start() + 1]
    _, scheme, rest = before[max(map(before.rfind, _BLANKS)) + 1 :].partition("://")
    return bool(scheme) and not rest.startswith("/")


_BLANKS = " \n\t'\"<("


def _home_in_text(found: re.Match[str]) -> str:
    return found[0] if _is_in_url(found) else "~"


def _windows_in_text(found: re.Match[str]) -> str:
    parts = re.split(r"[\\/]+", found[0])
    if len(parts) > 3 and parts[1] == "Users":
        return "/".join(["~", *parts[3:]])
    return f".../{parts[-1]}"
