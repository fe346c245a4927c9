"""Calls of regions as values: live objects of Dynamo reduced, each once."""

from __future__ import annotations

from collections.abc import Collection

from steadygraph.compare import guards as guard_digests
from steadygraph.model import Graph, Guard, Location, Observation
from steadygraph.observe.graphs import graphs
from steadygraph.observe.guards import values
from steadygraph.observe.guards.sources import names_of
from steadygraph.observe.places import askers
from steadygraph.observe.run.watching import OpenCall, WatchedRegion
from steadygraph.torch_private.entries import CapturedGraph, CompiledFrame


class Reduction:
    """Makes an observation of each ended call; guards and graphs that several calls share are reduced once.

    Args:
        readable: Show what became of the bytecode as Python; whatever the process prints meanwhile is lost.
    """

    def __init__(self, *, readable: bool = True) -> None:
        self._readable = readable
        self._guards: dict[CompiledFrame, tuple[Guard, ...]] = {}
        self._graphs: dict[CapturedGraph, Graph] = {}

    def observation(self, call: OpenCall, again: Collection[CompiledFrame]) -> Observation:
        """The value of an ended call.

        Args:
            call: It has ended.
            again: Entries of code that had one before: to compile them was to recompile.
        """
        made = tuple(guard for entry in call.compiled for guard in self._guards_of(entry))
        recompiled = sum(entry in again for entry in call.compiled)
        return Observation(
            region=call.region.name,
            call=call.call,
            inputs=call.inputs,
            ambient=call.ambient,
            guards=made,
            guards_digest=guard_digests.digest(made),
            graphs=tuple(self.graph(graph, call.region) for graph in call.graphs),
            recompiles=recompiled + call.failed_recompiles,
            first_compiles=len(call.compiled) - recompiled,
            breaks=tuple(dict.fromkeys(call.breaks)),
            addresses=call.addresses,
            addresses_after=call.addresses_after,
            handed=call.handed,
            violated_guards=tuple(call.placed()),
            shared=tuple(call.shared(again)),
            output=call.output,
            error=call.error,
            compile_questions=tuple(_askers(call)),
        )

    def _guards_of(self, entry: CompiledFrame) -> tuple[Guard, ...]:
        if entry not in self._guards:
            self._guards[entry] = values.capture(entry)
        return self._guards[entry]

    def digest(self, entry: CompiledFrame) -> str:
        """What an entry computes, by its graphs; empty unless all of them have run."""
        graphs = [self._graphs.get(graph) for graph in entry.graphs]
        return " ".join(graph.digest for graph in graphs if graph is not None) if None not in graphs else ""

    def graph(self, graph: CapturedGraph, region: WatchedRegion) -> Graph:
        if graph not in self._graphs:
            assert graph.entry is not None
            forward = graph.entry.code is region.code
            names = (
                region.forward.names if forward else names_of(graph.entry.code, region.forward.names.bound or "self")
            )
            self._graphs[graph] = graphs.capture(graph, names, readable=self._readable)
        return self._graphs[graph]


def _askers(call: OpenCall) -> dict[Location, None]:
    """The lines that ask whether they are compiled, of what was compiled in the call and of what ran."""
    entries = dict.fromkeys((*(graph.entry for graph in call.graphs), *call.compiled))
    stacks = (stack for entry in entries if entry is not None for stack in entry.questions)
    return dict.fromkeys(place for stack in stacks if (place := askers.of_trace(stack)) is not None)
