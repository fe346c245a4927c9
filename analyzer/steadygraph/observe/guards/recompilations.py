"""Recompilations of whatever is compiled in the process, with every guard that asked for them."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steadygraph import torch_private
from steadygraph.case.user_code import readable_path
from steadygraph.model import Location, ViolatedGuard
from steadygraph.observe.guards import guards
from steadygraph.observe.guards.sources import names_of
from steadygraph.observe.places import locations
from steadygraph.observe.run.frame_tap import CompiledFrame

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
    candidates = [_violated(entry, frame, f_locals) for entry in entries]
    # The entry that nearly fits is the one that was meant.
    closest = min((found for found in candidates if found), key=len, default=())
    words = tuple(dict.fromkeys(_ENTRY.sub("", reason).split("  #")[0].strip() for reason in reasons))
    return Recompilation(locations.of_code(frame.f_code), closest, words)


def _violated(entry: Any, frame: Any, f_locals: Mapping[str, Any]) -> tuple[ViolatedGuard, ...]:
    code = frame.f_code
    known = CompiledFrame(code, entry.code, entry.guard_manager, entry.compile_id, frame.f_globals)
    receiver = "self" if "self" in f_locals else None
    found = guards.violated(known, f_locals, names_of(code, receiver))
    places = guards.places(known)
    return tuple(
        guard if guard.location else dataclasses.replace(guard, location=places.get(guard.source)) for guard in found
    )


def _told(guard: ViolatedGuard) -> str:
    where = guard.location
    line = "" if where is None else f"\n    {readable_path(where.path)}:{where.line}: {where.text or where.function}"
    return f"  {guard.path or guard.source} is {guard.expected} before, {guard.actual} now{line}"
