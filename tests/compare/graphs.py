"""Graphs made by hand and by chance: what a node does is told by its name, as an observation tells it by a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from hypothesis import strategies as st

from steadygraph.model import Graph, GraphBody, GraphNode, Location, NodeKind

FRAME = Location("model.py", 1, "forward")
LINES = (Location("model.py", 2, "forward", "h = x * 2"), Location("model.py", 3, "forward", "return h"))


def node(kind: NodeKind, name: str, inputs: Iterable[int] = (), *, bodies: tuple[str, ...] = ()) -> GraphNode:
    digest = hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:8]
    return GraphNode(kind, name, tuple(inputs), "float32[2]", 0, bodies, digest)


def graph(*nodes: tuple[str, *tuple[int, ...]], returned: Iterable[int], effects: tuple[int, ...] = ()) -> Graph:
    """A graph of (name, position, position, ...) of each node; a node that takes nothing is an input."""
    made = [node(NodeKind.CALL if inputs else NodeKind.INPUT, name, inputs) for name, *inputs in nodes]
    return of_nodes([*made, node(NodeKind.OUTPUT, "", returned)], effects=effects)


def of_nodes(nodes: Iterable[GraphNode], effects: tuple[int, ...] = (), bodies: tuple[GraphBody, ...] = ()) -> Graph:
    return Graph("digest", (), (), FRAME, nodes=tuple(nodes), lines=LINES, effects=effects, bodies=bodies)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs of few operators, so that two of them have much in common; some of the operators have effects."""
    nodes: list[tuple[str, *tuple[int, ...]]] = [("x",), ("y",), ("self.weight",)]
    for _ in range(draw(st.integers(0, 8))):
        inputs = draw(st.lists(st.integers(0, len(nodes) - 1), min_size=1, max_size=2, unique=True))
        nodes.append((draw(st.sampled_from(["add", "mul", "relu", "copy_"])), *inputs))
    returned = draw(st.lists(st.integers(0, len(nodes) - 1), min_size=1, max_size=4, unique=True))
    return graph(*nodes, returned=returned, effects=tuple(n for n, each in enumerate(nodes) if each[0] == "copy_"))
