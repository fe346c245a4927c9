"""Captured graphs as networkx graphs: nothing is lost, and any algorithm of networkx runs on them."""

from __future__ import annotations

import networkx as nx
from hypothesis import given

from steadygraph.model import Graph, GraphBody, GraphNode, NodeKind, digraph

from .graphs import FRAME, LINES, graph, graphs, node, of_nodes


@given(graphs())
def test_every_node_has_its_values_and_every_input_is_an_edge(captured: Graph) -> None:
    found = digraph(captured)

    assert list(found) == list(range(len(captured.nodes)))
    for position, each in enumerate(captured.nodes):
        about = found.nodes[position]
        assert (about["kind"], about["name"], about["value"], about["digest"]) == (
            each.kind,
            each.name,
            each.value,
            each.digest,
        )
        assert about["has_effect"] is (position in captured.effects)
        taken = sorted(found.in_edges(position, data="position"), key=lambda edge: edge[2])
        assert taken == [(source, position, number) for number, source in enumerate(each.inputs)]
    assert found.number_of_edges() == sum(len(each.inputs) for each in captured.nodes)


@given(graphs())
def test_nodes_stand_in_an_order_in_which_they_can_run(captured: Graph) -> None:
    found = digraph(captured)

    assert nx.is_directed_acyclic_graph(found)
    assert all(source < target for source, target in found.edges)


def test_a_graph_and_its_nodes_say_where_they_come_from() -> None:
    captured = graph(("x",), ("relu", 0), returned=[1])

    found = digraph(captured)

    assert found.graph == {"digest": "digest", "frame": FRAME}
    assert found.nodes[1]["line"] == LINES[0]
    assert digraph(of_nodes([GraphNode(NodeKind.INPUT, "x")])).nodes[0]["line"] is None


def test_a_higher_order_operator_has_the_graphs_that_it_runs() -> None:
    inner = GraphBody("inner", (node(NodeKind.INPUT, "a"), node(NodeKind.CALL, "sin", [0])), LINES)
    outer = GraphBody("outer", (node(NodeKind.CALL, "checkpoint", bodies=("inner",)),), LINES)
    calls = [node(NodeKind.CALL, "checkpoint", bodies=("outer", "inner")) for _ in range(2)]

    found = digraph(of_nodes(calls, bodies=(outer, inner)))

    first, second = found.nodes[0]["bodies"]
    assert (first.graph, second.graph) == ({"digest": "outer"}, {"digest": "inner"})
    assert list(second.edges(data="position")) == [(0, 1, 0)]
    # A layer that runs a hundred times is there once.
    assert first.nodes[0]["bodies"] == (second,)
    assert found.nodes[1]["bodies"] == (first, second)


def test_a_report_from_anywhere_does_not_break_it() -> None:
    body = GraphBody("itself", (node(NodeKind.CALL, "loop", [0, 7, -1], bodies=("itself", "absent")),), ())

    found = digraph(of_nodes(body.nodes, bodies=(body,)))

    assert list(found.edges) == []
    (inside,) = found.nodes[0]["bodies"]
    assert inside.nodes[0]["bodies"] == (inside,)
    assert inside.nodes[0]["line"] is None
