"""Dimensions that are marked as dynamic: what torch says where the code makes one of them constant (torch 2.13)."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from steadygraph.torch_private.wording import readable, tensor_of

#: Each violation is a paragraph of its own, with the stack of the line that is to blame, if that is known.
_VIOLATION = re.compile(r"^  - ", re.MULTILINE)
_SOURCE = re.compile(r"(?P<size>[LG]\['[^\s=]*?\.size\(\)\[(?P<dim>\d+)\])")
_CONSTANT = re.compile(r"to be a constant \((?P<value>\d+)\)|was inferred to be equal to (?P<equal>[^\n]+?)\.?$", re.M)
_CONDITION = re.compile(r"satisfy the generated guard (?P<condition>[^\n]+?)\.?$", re.MULTILINE)
#: Where torch notes them on a tensor, and the function of ``torch._dynamo`` that does so.
_MARKED = {"_dynamo_dynamic_indices": "mark_dynamic", "_dynamo_weak_dynamic_indices": "maybe_mark_dynamic"}


@dataclass(frozen=True, slots=True)
class Violation:
    """What the code needs of a dimension that is marked as dynamic."""

    #: The tensor, as its user writes it.
    path: str
    dim: int
    #: What it has to be equal to; empty: ``condition`` says what else has to hold.
    equal: str
    condition: str
    #: The stack of the line that is to blame, as it was printed; empty: torch does not tell.
    trace: str


def of(tensor: Any) -> Iterator[tuple[str, int]]:
    """The dimensions of a tensor that are marked, each with the function that did it."""
    for attribute, function in _MARKED.items():
        yield from ((function, dim) for dim in sorted(getattr(tensor, attribute, ())))


def violated_marks(error: BaseException) -> tuple[Violation, ...]:
    """What is asked of marked dimensions, if that is why torch.compile refuses a frame; empty for any other error."""
    from torch.fx.experimental.symbolic_shapes import ConstraintViolationError

    if not issubclass(type(error), ConstraintViolationError):
        return ()
    _, *paragraphs = _VIOLATION.split(str(error))
    return tuple(found for text in paragraphs if (found := _violation(text)) is not None)


def _violation(text: str) -> Violation | None:
    source = _SOURCE.search(text)
    if source is None:
        return None
    constant, condition = _CONSTANT.search(text), _CONDITION.search(text)
    said, _, trace = text.partition("\n")
    return Violation(
        path=readable(tensor_of(source["size"])),
        dim=int(source["dim"]),
        equal=readable(constant["value"] or constant["equal"]) if constant else "",
        condition=readable(condition["condition"] if condition else said).removesuffix("."),
        trace=trace.strip(),
    )


@contextlib.contextmanager
def violations_ignored() -> Iterator[None]:
    """A block in which a mark is a wish, as that of ``maybe_mark_dynamic`` is."""
    from torch._dynamo import config

    with config.patch(allow_ignore_mark_dynamic=True):
        yield


@contextlib.contextmanager
def guard_errors_raised_only() -> Iterator[None]:
    """A block in which an error of a guard that is being made is raised and not logged as well, with a traceback."""
    log = logging.getLogger("torch._guards")
    log.addFilter(_is_no_error)
    try:
        yield
    finally:
        log.removeFilter(_is_no_error)


def _is_no_error(record: logging.LogRecord) -> bool:
    return record.levelno < logging.ERROR
