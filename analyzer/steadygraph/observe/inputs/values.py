"""Python values as short text: what Dynamo may burn into a graph, written so that two runs can be compared.

No text holds a memory address, and none is long: what does not fit is cut and stands for itself by a checksum.
No code of the analysed model runs: a class with a ``__repr__`` of its own is written by the built-in type it extends.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import re
import sys
import uuid
import zlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch

from steadygraph.redaction.text import without_values

T = TypeVar("T")

#: Characters of a text, at most.
LONGEST = 200
_HEAD = 160

_TORCH_VALUES = (torch.dtype, torch.device, torch.layout, torch.memory_format, torch.qscheme)
_SYMBOLS = (torch.SymInt, torch.SymFloat, torch.SymBool)
#: Built from C, or from stdlib code that only prints its own plain fields.
_PRINTABLE = (
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    re.Pattern,
    type(...),
    type(NotImplemented),
)


def per_type(function: Callable[[type], T]) -> Callable[[type], T]:
    """Remember the answers of a function of a class: there are few classes and many objects."""
    # mypy takes `type` for unhashable, because classes have a __hash__ for their objects.
    return cast("Callable[[type], T]", functools.lru_cache(maxsize=1024)(function))


@per_type
def type_name(kind: type) -> str:
    """``list`` for built-in types, ``package.module.Class`` for all others."""
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def is_value(kind: type) -> bool:
    """Are objects of this type written as text, in place of being opened?"""
    return _writer(kind) is not None


def value_text(value: Any) -> str:
    """The text of a value for whose type ``is_value`` holds."""
    write = _writer(type(value))
    if write is None:
        raise TypeError(f"{type_name(type(value))} is not written as text")
    try:
        return bounded(write(value))
    except Exception:  # an exotic subclass; its type alone has to do
        return f"<{type_name(type(value))}>"


def key_text(key: Any) -> str:
    """A dictionary key between the brackets of an accessor."""
    if type(key) is tuple:
        inner = ", ".join(key_text(part) for part in key)
        return f"({inner},)" if len(key) == 1 else f"({inner})"
    if key is None:
        return "None"
    return value_text(key) if is_value(type(key)) else f"<{type_name(type(key))}>"


def bounded(text: str) -> str:
    """The text, or its head and a checksum of all of it."""
    if len(text) <= LONGEST:
        return text
    checksum = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return f"{without_values(text)[:_HEAD]}... ({len(text)} characters, {checksum:08x})"


@per_type
def _writer(kind: type) -> Callable[[Any], str] | None:
    """How to write an object of this type, most special type first."""
    if issubclass(kind, enum.Enum):
        return _enum_text
    for base, write in _BUILT_IN:
        if issubclass(kind, base):
            return write
    if issubclass(kind, _TORCH_VALUES) or issubclass(kind, _SYMBOLS) or issubclass(kind, pathlib.PurePath):
        return str
    if issubclass(kind, _PRINTABLE):
        return repr
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.ndarray):
        return _array_text
    if numpy is not None and issubclass(kind, numpy.generic):
        return _numpy_scalar_text
    return None


def _int_text(value: int) -> str:
    # Python refuses to write very long integers in decimal.
    return int.__repr__(value) if value.bit_length() < 500 else int.__format__(value, "#x")


def _enum_text(value: enum.Enum) -> str:
    # A combination of flags may have no name.
    name = getattr(value, "_name_", None) or key_text(value._value_)
    return f"{type(value).__qualname__}.{name}"


def _range_text(value: range | slice) -> str:
    parts = [value.start, value.stop, value.step]
    # A slice may hold tensors, whose repr would print their data.
    return f"{type(value).__name__}({', '.join(key_text(part) for part in parts)})"


def _array_text(value: Any) -> str:
    """Type and shape, as for a tensor: not the data."""
    return f"{value.dtype}[{', '.join(map(str, value.shape))}]"


def _numpy_scalar_text(value: Any) -> str:
    return repr(value.item())


_BUILT_IN: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, bool.__repr__),
    (int, _int_text),
    (float, float.__repr__),
    (complex, complex.__repr__),
    (str, str.__repr__),
    (bytes, bytes.__repr__),
    (bytearray, bytearray.__repr__),
    (range, _range_text),
    (slice, _range_text),
)
