"""Captured graphs as networkx graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steadygraph.model.observation import Graph, GraphBody

if TYPE_CHECKING:
    import networkx as nx


def digraph(graph: Graph) -> nx.DiGraph:
    """A captured graph as a :class:`networkx.DiGraph`.

    Nodes are positions in ``graph.nodes``, 0 first, so that each comes after those it takes.  They have ``kind``,
    ``name``, ``value``, ``digest`` (see :class:`GraphNode`), ``line`` (a :class:`Location` or None), ``has_effect``
    (see :attr:`Graph.effects`) and ``bodies``: the graphs, made in the same way, that a higher-order operator runs.
    Edges lead from a value to what takes it; ``position`` counts the values that the same node takes.  The graph has
    ``digest`` and ``frame``.
    """
    # Not at the top: the command line and the pytest plugin would wait 0.2 s for it.
    import networkx as nx

    bodies = {body.digest: nx.DiGraph(digest=body.digest) for body in graph.bodies}
    for body in graph.bodies:
        _fill(bodies[body.digest], body, bodies, frozenset())
    whole = nx.DiGraph(digest=graph.digest, frame=graph.frame)
    _fill(whole, graph, bodies, frozenset(graph.effects))
    return whole


def _fill(found: nx.DiGraph, graph: Graph | GraphBody, bodies: dict[str, nx.DiGraph], effects: frozenset[int]) -> None:
    # A report can come from anywhere: a line, a body or an input that is none is left out.
    lines = dict(enumerate(graph.lines))
    found.add_nodes_from(
        (
            position,
            {
                "kind": node.kind,
                "name": node.name,
                "value": node.value,
                "digest": node.digest,
                "line": None if node.line is None else lines.get(node.line),
                "has_effect": position in effects,
                "bodies": tuple(bodies[digest] for digest in node.bodies if digest in bodies),
            },
        )
        for position, node in enumerate(graph.nodes)
    )
    found.add_edges_from(
        (source, position, {"position": number})
        for position, node in enumerate(graph.nodes)
        for number, source in enumerate(node.inputs)
        if 0 <= source < position
    )
