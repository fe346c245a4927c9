"""What is in Dynamo's caches for the code that a session sees: its own entries, and those that were there before."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence

from steadygraph.model import GraphBreak
from steadygraph.observe.graphs import breaks
from steadygraph.observe.run.watching import WatchedRegion
from steadygraph.torch_private import cache_entries, forget
from steadygraph.torch_private.entries import BreakEvent, CompiledFrame


class Entries:
    """Cache entries by code object and by the cache in which Dynamo looks for them."""

    def __init__(self) -> None:
        # Code objects are equal by content, and hashing one hashes its constants, of which a slice has no hash: they
        # are kept by identity.
        self._known: dict[tuple[int, int], list[CompiledFrame]] = {}
        #: Code that was met, kept alive, and whether somebody else had compiled it before.
        self._met: dict[int, tuple[types.CodeType, bool]] = {}
        #: Entries of code that had one before.
        self.again: set[CompiledFrame] = set()
        self._breaks: dict[CompiledFrame, tuple[GraphBreak, ...]] = {}

    def of(self, region: WatchedRegion, code: types.CodeType) -> Sequence[CompiledFrame]:
        """The entries that Dynamo looks through when the region runs this code, all that were made so far."""
        return self._known.get((region.cache, id(code)), ())

    @property
    def of_regions(self) -> Mapping[int, Sequence[CompiledFrame]]:
        """Those that regions of the deployment may run, by the identity of their code."""
        return {code: entries for (cache, code), entries in self._known.items() if not cache}

    def breaks(self, entry: CompiledFrame) -> tuple[GraphBreak, ...]:
        """Where the graph broke when the entry was made."""
        return self._breaks.get(entry, ())

    def meet(self, region: WatchedRegion, code: types.CodeType) -> None:
        """Before the region runs this code: what Dynamo has for it already was made by somebody else, and stays."""
        if id(code) not in self._met:
            found = cache_entries(code)
            self._met[id(code)] = code, bool(found)
            if found and region.is_users:
                globals_ = getattr(region.forward.function, "__globals__", {})
                self._known[region.cache, id(code)] = [
                    CompiledFrame(code, one.code, one.guard_manager, one.compile_id, globals_) for one in found
                ]

    def add(self, region: WatchedRegion, entry: CompiledFrame, events: Sequence[BreakEvent]) -> None:
        """A frame was compiled while the region ran."""
        known = self._known.setdefault((region.cache, id(entry.code)), [])
        if known or (region.is_replaced and entry.code is region.code):
            self.again.add(entry)
        known.append(entry)
        self._breaks[entry] = breaks.capture(events, entry.callers, region.forward.decorated)

    def forget(self) -> None:
        """Remove what was compiled, except beside entries that somebody else made for the same code."""
        for code, foreign in self._met.values():
            if not foreign:
                forget(code)
        # Dynamo keeps each graph's function among the globals of the model's file until the compiled code is gone: what
        # such a function leads to must not hold that code.
        for entry in self._breaks:
            for graph in entry.graphs:
                graph.entry = None
