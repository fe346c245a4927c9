"""The nodes of a captured graph as values: what a picture of it needs, and what two graphs are compared by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch

from steadygraph.model import GraphNode, Location, NodeKind
from steadygraph.observe.places import locations
from steadygraph.torch_private import TracedGraph, TracedNode, has_effect

_KINDS = {"placeholder": NodeKind.INPUT, "get_attr": NodeKind.CONSTANT, "output": NodeKind.OUTPUT}


def nodes(
    graph: TracedGraph,
    name_of: Callable[[TracedNode], str],
    digest_of: Callable[[TracedGraph], str],
    digests: Mapping[TracedNode, str],
) -> tuple[tuple[GraphNode, ...], tuple[Location, ...]]:
    """All nodes but those that only hand over the body of a higher-order operator, and the lines that they come from.

    Args:
        graph: The graph.
        name_of: What an input or an operator is called.
        digest_of: The digest of a body.
        digests: Of the nodes, each without what is before it.
    """
    kept = _kept(graph)
    position = {node: index for index, node in enumerate(kept)}
    places: dict[Location, int] = {}
    made = []
    for node in kept:
        where = line_of(node)
        made.append(
            GraphNode(
                kind=_KINDS.get(node.op, NodeKind.CALL),
                name="" if node.op == "output" else name_of(node),
                inputs=tuple(position[used] for used in node.inputs if used in position),
                value=_value(node.example),
                line=None if where is None else places.setdefault(where, len(places)),
                bodies=tuple(digest_of(used.body) for used in node.inputs if used.body is not None),
                digest=digests[node],
            )
        )
    return tuple(made), tuple(places)


def effects(graph: TracedGraph) -> Iterator[int]:
    """Positions of nodes that do more than give a value, themselves or in what they run."""
    for position, node in enumerate(_kept(graph)):
        run = [used.body for used in node.inputs if used.body is not None]
        if any(any(True for _ in effects(body)) for body in run) if run else has_effect(node):
            yield position


def _kept(graph: TracedGraph) -> list[TracedNode]:
    return [node for node in graph.nodes if node.body is None]


def bodies(graph: TracedGraph) -> Iterable[TracedGraph]:
    """The graphs that the higher-order operators of this one run, themselves and theirs."""
    return itertools.chain(graph.bodies, *(bodies(body) for body in graph.bodies))


def line_of(node: TracedNode) -> Location | None:
    """The innermost line of the user's code in the trace that Dynamo attached."""
    return locations.of_trace(node.trace)


def _value(example: object) -> str:
    if not isinstance(example, torch.Tensor):
        return ""
    dtype = str(example.dtype).removeprefix("torch.")
    return f"{dtype}[{', '.join(str(size) for size in example.shape)}]"
