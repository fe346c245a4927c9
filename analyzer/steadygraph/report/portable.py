"""The same report without anything that belongs to one machine, one process or one person.

Paths become relative to the project root or start at their package; addresses of objects, tensor values, home
directories and the values of secret environment variables go; lone surrogates are spelled out.  Doing it twice
changes nothing more, so a report that was read from a file can be written again as it is.
"""

from __future__ import annotations

import dataclasses
import enum
import operator
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from steadygraph.errors.files import working_directory
from steadygraph.model import CaseReport, Location, Recording, SourceExcerpt
from steadygraph.model.run import RunReport
from steadygraph.redaction.places import is_absolute
from steadygraph.redaction.text import Redactor, withholding
from steadygraph.report import collector

#: ``path.py:Class``, ``package.module:Class``.
_TARGET = re.compile(r"(?P<path>.*?)(?P<name>:[A-Za-z_][\w.]*)?", re.DOTALL)

#: They name a target, which may be a path.
_OF_TARGETS = (CaseReport, Recording)
_NO_TEXT = (bool, int, float, type(None), enum.Enum)

Value = TypeVar("Value")
Clean = Callable[[Any], Any]


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
    root = root or working_directory()
    return Portable(scrubbed(report, root), root)


def scrubbed(value: Value, root: Path | None = None) -> Value:
    """Any frozen value, with every string in it as :func:`portable` has it."""
    redactor = Redactor(root or working_directory())
    clean: Value = _Scrub(redactor.text, redactor.path, redactor.places.is_outside).value(value)
    return clean


def withheld(value: Value) -> Value:
    """Any frozen value without secrets and values of tensors, its paths as they are.

    Only the process of a target knows the secrets that the target set, and texts are cut when rules word them.
    """
    clean: Value = _Scrub(withholding(), _itself, lambda path: False).value(value)
    return clean


class _Scrub:
    """Walks through values.

    Args:
        text: Scrubs a text.
        path: Scrubs the path of a file.
        is_outside: Is this the path of a file that is none of the project's?
    """

    def __init__(
        self, text: Callable[[str], str], path: Callable[[str], str], is_outside: Callable[[str], bool]
    ) -> None:
        self.text, self.path, self.is_outside = cache(text), cache(path), cache(is_outside)
        #: How a value of a type is scrubbed.
        self._of: dict[type, Clean] = {str: self.text, tuple: self._tuple, dict: self._dict, Location: self._location}

    def target(self, target: str) -> str:
        parts = _TARGET.fullmatch(target)
        assert parts is not None, "the pattern matches every string"
        path, name = parts["path"], parts["name"] or ""
        return self.path(path) + name if is_absolute(path) else self.text(target)

    def value(self, value: Any) -> Any:
        """The value with every string in it scrubbed, however deep; what has nothing to scrub is given back itself."""
        cls = type(value)
        clean = self._of.get(cls)
        if clean is None:
            clean = self._of[cls] = self._made(cls)
        return clean(value)

    def _made(self, cls: Any) -> Clean:
        """How values of a dataclass are scrubbed: field by field, those that hold no text left out."""
        texts = _texts_of(cls)
        if not texts:
            return _itself
        names = [each.name for each in dataclasses.fields(cls)]
        fields = [(names.index(name), name, self._of_field(cls, name, hint)) for name, hint in texts.items()]

        def clean(value: Any) -> Any:
            changed = None
            for position, name, clean_part in fields:
                part = getattr(value, name)
                new = clean_part(part)
                if new is not part:
                    if changed is None:
                        changed = [getattr(value, each) for each in names]
                    changed[position] = new
            return value if changed is None else cls(*changed)

        return clean

    def _of_field(self, cls: type[Any], name: str, hint: Any) -> Clean:
        if cls is SourceExcerpt and name == "path":
            return self.path
        if cls in _OF_TARGETS and name == "target":
            return self.target
        return self.text if hint is str else self.value

    def _tuple(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        new = tuple(map(self.value, values))
        return values if all(map(operator.is_, new, values)) else new

    def _dict(self, values: dict[str, Any]) -> dict[str, Any]:
        return {self.text(key): self.value(part) for key, part in values.items()}

    def _location(self, place: Location) -> Location:
        text = None if place.text is None else self.text(place.text)
        outside = place.outside or self.is_outside(place.path)
        return Location(self.path(place.path), place.line, self.text(place.function), text, outside)


def _itself(value: Any) -> Any:
    return value


@cache
def _texts_of(cls: Any) -> dict[str, Any]:
    """The fields that can hold a text, somewhere in them, and their types; members of enumerations are no free text."""
    if not dataclasses.is_dataclass(cls):
        return {}
    hints = typing.get_type_hints(cls)
    return {each.name: hints[each.name] for each in dataclasses.fields(cls) if _may_hold_text(hints[each.name])}


def _may_hold_text(hint: Any) -> bool:
    parts = [each for each in typing.get_args(hint) if each is not Ellipsis]
    if parts:
        return typing.get_origin(hint) is not typing.Literal and any(map(_may_hold_text, parts))
    return not (isinstance(hint, type) and issubclass(hint, _NO_TEXT))
