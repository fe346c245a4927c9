"""Which calls ran the very code that a deployment without guards would have run: there is nothing to run again."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from steadygraph.observe.run.watching import OpenCall, WatchedRegion
from steadygraph.torch_private.entries import CompiledFrame

Lookup = Callable[[types.CodeType], CompiledFrame | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Ran:
    """What one call of a region ran; None if that cannot be told."""

    call: str
    region: WatchedRegion
    entries: frozenset[CompiledFrame] | None


class Answers:
    """The cache entries that answered, guards kept, call by call.

    Args:
        lookup: What answers the frames of a region where guards are dropped.
    """

    def __init__(self, lookup: Callable[[WatchedRegion], Lookup]) -> None:
        self._lookup = lookup
        self._ran: list[_Ran] = []
        #: Dynamo runs a frame that it compiled before as plain Python from now on, whatever it compiled.
        self.given_up = False

    def ended(self, call: OpenCall, known: Mapping[int, Sequence[CompiledFrame]]) -> None:
        """A call of a region is over; ``known`` are the entries of each code object by now."""
        silent = [entries for entries in known.values() if any(not entry.graphs for entry in entries)]
        # Entries without a graph do not tell that they run: only where a frame has no other is it known.
        strayed = self.given_up or call.error is not None or call.overlaps or not call.in_order
        if strayed or any(len(entries) > 1 for entries in silent):
            self._ran.append(_Ran(call.call, call.region, None))
            return
        ran = {graph.entry for graph in call.graphs if graph.entry is not None}
        self._ran.append(_Ran(call.call, call.region, frozenset({*ran, *call.compiled, *(e for (e,) in silent)})))

    def as_dropped(self, call: str) -> bool:
        """Was every frame of this call answered by what answers it if guards are dropped?"""
        return all(self._is_as_dropped(ran) for ran in self._ran if ran.call == call)

    def _is_as_dropped(self, ran: _Ran) -> bool:
        if ran.entries is None:
            return False
        lookup = self._lookup(ran.region)
        return all(lookup(entry.code) is entry for entry in ran.entries)
