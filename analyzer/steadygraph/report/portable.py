"""The same report without anything that belongs to one machine, one process or one person.

Paths become relative to the project root or start at their package; addresses of objects, tensor values, home
directories and the values of secret environment variables go; lone surrogates are spelled out.  Doing it twice
changes nothing more, so a report that was read from a file can be written again as it is.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from steadygraph.model import CaseReport, Location, Recording, SourceExcerpt
from steadygraph.model.run import RunReport
from steadygraph.report import collector

_PATH_CHARACTER = r"[\w.@+~-]"
#: Where an absolute path can begin: not inside another one, but right behind the ANSI code that colours it.
_START = rf"(?:(?<!{_PATH_CHARACTER})|(?<=[\d\[]m))"
#: An absolute path inside a text, as far as it holds no blanks.
_PATH = re.compile(rf"{_START}(?:/{_PATH_CHARACTER}+)++")
_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
#: What stands in front of an installed package, and in front of the standard library.
_PACKAGES = re.compile(r"^.*/(?:site|dist)-packages/")
_LIBRARY = re.compile(r"^.*/lib(?:64)?/python3\.\d+/")
_HOME = re.compile(r"^(?:/home/[^/]+|/Users/[^/]+|/root|[A-Za-z]:/Users/[^/]+)(?=/|$)")
#: ``path.py:Class``, ``package.module:Class``.
_TARGET = re.compile(r"(?P<path>.*?)(?P<name>:[A-Za-z_][\w.]*)?", re.DOTALL)

#: Objects by their address: what ``repr`` writes, what Dynamo's identity checks compare with.
_ADDRESSES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=\bat )0x[0-9a-fA-F]{4,16}|\b0x[0-9a-fA-F]{9,16}\b"), "0x..."),
    (re.compile(r"(check_(?:obj|type)_id\([^\n]{0,400}?, )\d{6,}(?=\))"), r"\1<id>"),
    (re.compile(r"((?:data_ptr\(\)|\bid\([^()]{0,400}\)) == )\d{6,}"), r"\1<id>"),
)
#: What ``repr`` of a tensor writes; code that makes one (``torch.tensor(ids)``) stays.
_TENSOR = re.compile(r"(?<![\w.])tensor\([\s\[]*(?:[-+]?[\d.]|nan|inf|True|False)[^()]*\)")
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE)
#: A shorter value ("1", "true", "root") is no secret, and would tear holes into ordinary text.
_SECRET_LENGTH = 8

#: They name a target, which may be a path.
_OF_TARGETS = (CaseReport, Recording)
_NO_TEXT = frozenset({bool, int, float, type(None)})

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Portable:
    """A report that reads the same wherever it was made; several formats of it share the work.

    Args:
        report: The report, scrubbed.
        root: The project root, which its paths are relative to.
    """

    report: RunReport
    root: Path


#: What renderers take.
Renderable = RunReport | Portable


@collector.paused()
def portable(report: Renderable, root: Path | None = None) -> Portable:
    """The report without what belongs to one machine; one that is so already is given back as it is.

    Args:
        report: Any report.
        root: The project root; by default that of a portable report, and the current directory for any other.
    """
    if isinstance(report, Portable):
        if root in (None, report.root):
            return report
        report = report.report
    root = root or Path.cwd()
    return Portable(scrubbed(report, root), root)


def scrubbed(value: Value, root: Path | None = None) -> Value:
    """Any frozen value, with every string in it as :func:`portable` has it."""
    clean: Value = _Scrub(root or Path.cwd()).value(value)
    return clean


def _fields_of(cls: type[Any]) -> Callable[[Any], tuple[Any, ...]] | None:
    names = [each.name for each in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
    if len(names) == 1:
        return lambda value: (getattr(value, names[0]),)
    return attrgetter(*names) if names else None


class _Scrub:
    def __init__(self, root: Path) -> None:
        roots = {root.as_posix(), Path(os.path.realpath(root)).as_posix()}
        home = Path(os.path.expanduser("~")).as_posix()
        # "/" and "~" (an unknown home) name no place that could be cut off.
        self._roots = sorted((each for each in roots if len(each) > 1), key=len, reverse=True)
        places = {each: ("", ".") for each in self._roots} | ({home: ("~/", "~")} if home.count("/") > 1 else {})
        self._places = [
            replacement
            for place in sorted(places, key=len, reverse=True)
            for replacement in _replacements(place, *places[place])
        ]
        self._secrets = _secrets()
        #: Of a type that has any: gives the values of its fields, in their order.
        self._fields: dict[type, Callable[[Any], tuple[Any, ...]] | None] = {}
        self.text: Callable[[str], str] = cache(self._text)
        self.path: Callable[[str], str] = cache(self._location)
        self.is_outside: Callable[[str], bool] = cache(self._is_outside)

    def target(self, target: str) -> str:
        parts = _TARGET.fullmatch(target)
        assert parts is not None, "the pattern matches every string"
        path, name = parts["path"], parts["name"] or ""
        return self.path(path) + name if _is_absolute(path) else self.text(target)

    def value(self, value: Any) -> Any:
        """The value with every string in it scrubbed, however deep; enumeration members are no free text."""
        cls: type[Any] = type(value)
        if cls in _NO_TEXT:
            return value
        if cls is str:
            return self.text(value)
        if cls is tuple:
            return tuple(map(self.value, value))
        if cls is dict:
            return {self.text(key): self.value(part) for key, part in value.items()}
        if cls is Location:
            text = None if value.text is None else self.text(value.text)
            outside = value.outside or self.is_outside(value.path)
            return Location(self.path(value.path), value.line, self.text(value.function), text, outside)
        if cls is SourceExcerpt:
            return SourceExcerpt(self.path(value.path), value.first_line, self.value(value.lines))
        if cls not in self._fields:
            self._fields[cls] = _fields_of(cls)
        fields = self._fields[cls]
        if fields is None:
            return value
        clean = cls(*map(self.value, fields(value)))
        return dataclasses.replace(clean, target=self.target(value.target)) if cls in _OF_TARGETS else clean

    def _text(self, text: str) -> str:
        if not text.isascii():
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")
        # What is cut out of the middle can join its neighbours to something that has to go as well.
        while (scrubbed := self._pass(text)) != text:
            text = scrubbed
        return text

    def _pass(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub("***", text)
        if "/" in text:
            text = _PATH.sub(lambda found: self._shortened(found[0]), text)
            for place, short in self._places:
                text = place.sub(short, text)
        for address, short in _ADDRESSES:
            text = address.sub(short, text)
        return _TENSOR.sub("tensor(...)", text) if "tensor(" in text else text

    def _shortened(self, path: str) -> str:
        for prefix in (_PACKAGES, _LIBRARY):
            short = prefix.sub("", path)
            if short != path:
                return short
        return path if self._below_root(path) is not None else _HOME.sub("~", path)

    def _location(self, path: str) -> str:
        """A path of a file: relative to the root, or starting at its package; never absolute."""
        if not _is_absolute(path):
            return self.text(path)
        path = posixpath.normpath(path.replace("\\", "/") if _DRIVE.match(path) else path)
        below = self._below_root(path)
        for short in (_PACKAGES.sub("", path), path if below is None else below, _LIBRARY.sub("", path)):
            if short != path:
                return self.path(short)
        return self.text(_from_package(path))

    def _is_outside(self, path: str) -> bool:
        """Is this no file of the project: one of an installed package, or one elsewhere?"""
        if not _is_absolute(path):
            return False
        path = posixpath.normpath(path)
        return _PACKAGES.match(path) is not None or self._below_root(path) is None

    def _below_root(self, path: str) -> str | None:
        for root in self._roots:
            if path == root:
                return "."
            if path.startswith(root.rstrip("/") + "/"):
                return path[len(root.rstrip("/")) + 1 :]
        return None


def _from_package(path: str) -> str:
    """The path from the outermost package that holds it (an editable install); otherwise folder and file."""
    folder = posixpath.dirname(path)
    top = None
    while "\0" not in folder and os.path.isfile(posixpath.join(folder, "__init__.py")):
        top, folder = folder, posixpath.dirname(folder)
    if top is not None:
        return posixpath.relpath(path, posixpath.dirname(top))
    parts = [part for part in _DRIVE.sub("/", _HOME.sub("", path)).split("/") if part]
    return "/".join(parts[-2:]) or "~"


def _replacements(place: str, below: str, itself: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What replaces a folder in front of a path, and the folder alone; it may hold blanks, which no pattern expects."""
    start = _START + re.escape(place)
    return (re.compile(f"{start}/"), below), (re.compile(rf"{start}(?![\w@+~-]|\.\w)"), itself)


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or _DRIVE.match(path) is not None


def _secrets() -> re.Pattern[str] | None:
    """A pattern of the values that the environment calls secret: a model may have baked one into its graph."""
    values: Iterable[str] = {
        value for name, value in os.environ.items() if _SECRET.search(name) and len(value) >= _SECRET_LENGTH
    }
    return re.compile("|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))) if values else None
