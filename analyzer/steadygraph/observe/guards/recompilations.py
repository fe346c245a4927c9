"""Recompilations of whatever is compiled in the process, with every guard that asked for them."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from steadygraph import torch_private
from steadygraph.case.user_code import readable_path
from steadygraph.model import Location, ViolatedGuard
from steadygraph.observe.guards import closest
from steadygraph.observe.guards.asked import Frame
from steadygraph.observe.guards.guard_places import commented
from steadygraph.observe.guards.sources import names_of
from steadygraph.observe.places import locations
from steadygraph.torch_private.entries import CompiledFrame

#: Which entry it was that did not fit, in front of Dynamo's reasons: ``0/0: ``.
_ENTRY = re.compile(r"^\d+/\d+(?:_\d+)?: ")


@dataclass(frozen=True, slots=True)
class Recompilation:
    """A function that was compiled again, and why.

    ``reasons`` are Dynamo's own words, for what no guard of a value says.
    """

    function: Location
    guards: tuple[ViolatedGuard, ...]
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        title = f"{self.function.function} ({readable_path(self.function.path)}:{self.function.line}) is compiled again"
        told = [_told(guard) for guard in self.guards] or [f"  {reason}" for reason in self.reasons]
        return "\n".join([title, *told])


@contextlib.contextmanager
def watched() -> Iterator[list[Recompilation]]:
    """A block whose recompilations are added to the list."""
    found: list[Recompilation] = []

    def tell(entries: Sequence[Any], frame: Any, reasons: Sequence[str]) -> None:
        found.append(_recompilation(entries, frame, reasons))

    with torch_private.on_recompilation(tell):
        yield found


def _recompilation(entries: Sequence[Any], frame: Any, reasons: Sequence[str]) -> Recompilation:
    f_locals = dict(frame.f_locals)
    known = [CompiledFrame(frame.f_code, e.code, e.guard_manager, e.compile_id, frame.f_globals) for e in entries]
    names = names_of(frame.f_code, "self" if "self" in f_locals else None)
    found = _located(closest.answer(known, Frame(f_locals, names)))
    words = tuple(dict.fromkeys(_ENTRY.sub("", reason).split("  #")[0].strip() for reason in reasons))
    return Recompilation(locations.of_code(frame.f_code), found, words)


def _located(found: closest.Answer) -> tuple[ViolatedGuard, ...]:
    """Of an entry that somebody else made there are no stacks, but the comments behind its guards."""
    places = {} if found.entry is None else commented(found.entry)
    return tuple(
        guard if guard.location else dataclasses.replace(guard, location=places.get(guard.source))
        for guard in found.violated
    )


def _told(guard: ViolatedGuard) -> str:
    where = guard.location
    line = "" if where is None else f"\n    {readable_path(where.path)}:{where.line}: {where.text or where.function}"
    return f"  {guard.path or guard.source} is {guard.expected} before, {guard.actual} now{line}"
