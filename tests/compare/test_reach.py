"""Which outputs a difference reaches: by hand, by evaluating graphs, and by running models in eager mode."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.checkpoint import checkpoint

from steadygraph.compare import graphs as comparison
from steadygraph.compare.reach import reach
from steadygraph.model import Graph, GraphBody, GraphOutput, NodeKind, Reach
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state

from .graphs import graph, graphs, node, of_nodes

X_AND_WEIGHT = (("x",), ("self.weight",), ("linear", 0, 1))


def positions(profile: Graph, serving: Graph) -> list[int]:
    found = reach(profile, serving)
    assert found is not None
    return [output.position for output in found.reached]


# --- by hand --------------------------------------------------------------------------------------


def test_an_added_operator_reaches_what_is_computed_from_it() -> None:
    profile = graph(*X_AND_WEIGHT, ("relu", 2), ("sum", 2), returned=[3, 4])
    serving = graph(*X_AND_WEIGHT, ("deep",), ("add", 2, 3), ("relu", 4), ("sum", 2), returned=[5, 6])

    assert reach(profile, serving) == Reach(2, (GraphOutput(0, "float32[2]"),))


def test_graphs_that_compute_the_same_in_another_order_reach_nothing() -> None:
    profile = graph(("x",), ("relu", 0), ("sum", 0), returned=[1, 2])
    serving = graph(("x",), ("sum", 0), ("relu", 0), returned=[2, 1])

    assert positions(profile, serving) == []


def test_an_output_that_the_profile_graph_returns_in_another_place_is_reached() -> None:
    profile = graph(("x",), ("relu", 0), ("sum", 0), ("mean", 0), returned=[1, 2, 3])
    serving = graph(("x",), ("relu", 0), ("sum", 0), ("mean", 0), returned=[1, 3, 2])

    assert positions(profile, serving) == [1, 2]


def test_an_output_more_is_reached_though_the_profile_graph_computes_it() -> None:
    profile = graph(("x",), ("relu", 0), ("sum", 1), returned=[2])
    serving = graph(("x",), ("relu", 0), ("sum", 1), returned=[2, 1])

    assert positions(profile, serving) == [1]


def test_an_operator_that_only_the_profile_graph_has_reaches_what_comes_after_it() -> None:
    profile = graph(("x",), ("relu", 0), ("sum", 0), returned=[1, 2])
    serving = graph(("x",), ("sum", 0), returned=[0, 1])

    assert positions(profile, serving) == [0]


def test_what_is_written_reaches_all_that_comes_after_it() -> None:
    calls = (("x",), ("y",), ("relu", 0), ("sum", 0))
    profile = graph(*calls, returned=[2, 3])
    serving = graph(*calls[:3], ("add_", 0, 1), ("sum", 0), returned=[2, 4], effects=(3,))

    # Whether the first output shares memory with what is written is not known.
    assert positions(profile, serving) == [0, 1]
    assert positions(serving, profile) == [0, 1]


def test_what_is_written_in_both_graphs_reaches_nothing() -> None:
    written = (("x",), ("y",), ("add_", 0, 1), ("relu", 0))
    profile = graph(*written, ("sum", 0), returned=[3, 4], effects=(2,))
    serving = graph(*written, ("mean", 0), returned=[3, 4], effects=(2,))

    assert positions(profile, serving) == [1]


def test_another_body_of_a_higher_order_operator_reaches_what_takes_its_result() -> None:
    def calling(body: str) -> Graph:
        call = node(NodeKind.CALL, "checkpoint", [0], bodies=(body,))
        nodes = [node(NodeKind.INPUT, "x"), call, node(NodeKind.CALL, "relu", [0]), node(NodeKind.OUTPUT, "", [1, 2])]
        return of_nodes(nodes, bodies=(GraphBody(body, (), ()),))

    assert positions(calling("one"), calling("one")) == []
    assert positions(calling("one"), calling("another")) == [0]


def test_tensors_that_the_graphs_hold_are_told_from_one_another() -> None:
    def taking(constant: str) -> Graph:
        names = ["_tensor_constant0", "_tensor_constant1"]
        held = [replace(node(NodeKind.CONSTANT, name), digest="float32 of rank 1") for name in names]
        used = node(NodeKind.CALL, "relu", [names.index(constant)])
        return of_nodes([*held, used, node(NodeKind.OUTPUT, "", [2])])

    assert positions(taking("_tensor_constant0"), taking("_tensor_constant1")) == [0]


def test_nothing_is_said_where_the_nodes_do_not_tell_their_constants() -> None:
    known = graph(("x",), ("relu", 0), returned=[1])
    stored = of_nodes([replace(each, digest="") for each in known.nodes])

    assert reach(known, stored) is None
    assert reach(stored, known) is None
    assert reach(of_nodes([]), known) is None


def test_nothing_is_said_of_a_call_that_runs_several_graphs() -> None:
    one = graph(("x",), ("relu", 0), returned=[1])
    other = replace(one, digest="other")

    assert comparison.change([one], [other]).reach == Reach(1, ())
    assert comparison.change([one], [one, other]).reach is None
    assert comparison.change([one], [one]).reach is None


# --- by evaluating graphs -------------------------------------------------------------------------


def returned(graph: Graph) -> list[object]:
    """What a graph returns if operators are words, and what has an effect is seen by all that comes after it."""
    values: list[object] = []
    memory: object = "untouched"
    for position, each in enumerate(graph.nodes[:-1]):
        taken = [values[source] for source in each.inputs]
        values.append(each.name if each.kind is NodeKind.INPUT else (each.name, taken, memory))
        if position in graph.effects:
            memory = values[-1]
    return [(values[source], memory) for source in graph.nodes[-1].inputs]


@given(graphs(), graphs())
def test_outputs_are_reached_whose_values_differ(profile: Graph, serving: Graph) -> None:
    before, now = returned(profile), returned(serving)
    expected = [n for n, (old, new) in enumerate(itertools.zip_longest(before, now)) if n < len(now) and old != new]

    assert positions(profile, serving) == expected


@given(graphs(), st.data())
def test_an_operator_put_into_an_edge_reaches_what_networkx_finds_behind_it(
    profile: Graph, data: st.DataObject
) -> None:
    edges = [(source, n) for n, each in enumerate(profile.nodes[:-1]) for source in each.inputs]
    if not edges or profile.effects:
        return
    source, target = data.draw(st.sampled_from(edges))

    serving = with_operator_in(profile, source, target)

    data_flow = nx.DiGraph((each, n) for n, node in enumerate(profile.nodes[:-1]) for each in node.inputs)
    behind = {target} | nx.descendants(data_flow, target)
    assert positions(profile, serving) == [k for k, each in enumerate(profile.nodes[-1].inputs) if each in behind]


def with_operator_in(graph: Graph, source: int, target: int) -> Graph:
    """The graph with one more operator, right before the target, which takes it in place of the source."""
    moved = [n if n < target else n + 1 for n in range(len(graph.nodes))]
    nodes = []
    for n, each in enumerate(graph.nodes):
        if n == target:
            nodes.append(node(NodeKind.CALL, "added", [source]))
        inputs = [target if (n, taken) == (target, source) else moved[taken] for taken in each.inputs]
        nodes.append(replace(each, inputs=tuple(inputs)))
    return of_nodes(nodes)


# --- by running models ----------------------------------------------------------------------------


class Branching(nn.Module):
    """Two heads, or what a test makes of it."""

    def __init__(self, body: Callable[..., Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.body = body

    def forward(self, x: torch.Tensor, deep: torch.Tensor | None = None, scale: int = 2) -> Any:
        return self.body(self, x, deep, scale)


def added_to_one_head(model: Branching, x: Any, deep: Any, scale: int) -> Any:
    h = model.linear(x)
    return (h if deep is None else h + deep).relu(), h.sum(-1), x.abs()


def scaled_in_one_head(model: Branching, x: Any, deep: Any, scale: int) -> Any:
    h = model.linear(x)
    features = h if deep is None else h + deep
    return features.sin(), h * scale, h.cos()


def written_in_place(model: Branching, x: Any, deep: Any, scale: int) -> Any:
    h, other = model.linear(x), x.exp()
    view = h[0]
    if deep is not None:
        view.add_(deep[0])
    return h, other


def written_through_an_index(model: Branching, x: Any, deep: Any, scale: int) -> Any:
    h = model.linear(x).clone()
    before = h.sum()
    if deep is not None:
        h[1:] = deep[1:]
    return before, h


def swapped(model: Branching, x: Any, deep: Any, scale: int) -> Any:
    a, b, c = x.sin(), x.cos(), x.tan()
    return (a, b, c) if deep is None else (a, c, b)


def inside_of_a_checkpoint(model: Branching, x: Any, deep: Any, scale: int) -> Any:
    def inner(value: torch.Tensor) -> torch.Tensor:
        return value.sin() if deep is None else value.cos()

    return checkpoint(inner, x, use_reentrant=False), x.exp()


def left_out_at_serving(model: Branching, x: Any, deep: Any, scale: int) -> Any:
    h = model.linear(x)
    if deep is None:
        h = h.relu()
    return h, x.exp()


def ran(model: nn.Module, *calls: tuple[tuple[Any, ...], dict[str, Any]]) -> list[Sequence[Graph]]:
    """The graphs of each of these calls of one model."""
    with own_dynamo_state():
        session = CompileSession([("", model)], options={"dynamic": False}, backends={})
        with session.guards_kept(), session.calling(), torch.no_grad():
            for args, kwargs in calls:
                model(*args, **kwargs)
        session.close()
    return [observation.graphs for observation in session.observations]


@pytest.mark.parametrize(
    ("body", "changed", "expected"),
    [
        (added_to_one_head, {"deep": True}, [0]),
        (scaled_in_one_head, {"deep": True}, [0]),
        (scaled_in_one_head, {"scale": 3}, [1]),
        (scaled_in_one_head, {"deep": True, "scale": 3}, [0, 1]),
        (written_in_place, {"deep": True}, [0, 1]),
        (written_through_an_index, {"deep": True}, [0, 1]),
        (swapped, {"deep": True}, [1, 2]),
        (inside_of_a_checkpoint, {"deep": True}, [0]),
        (left_out_at_serving, {"deep": True}, [0]),
    ],
)
def test_no_output_changes_that_is_not_said_to_be_reached(
    body: Callable[..., Any], changed: dict[str, Any], expected: list[int]
) -> None:
    torch.manual_seed(0)
    model, x = Branching(body), torch.randn(3, 4)
    kwargs = {name: torch.randn(3, 4) if name == "deep" else value for name, value in changed.items()}

    # Under guards that are dropped, the graph of the profile call answers: eager mode without what serving brings.
    dropped, truth = model(x.clone()), model(x.clone(), **kwargs)
    (profile,), (serving,) = ran(model, ((x,), {}), ((x,), kwargs))

    differing = {n for n, (a, b) in enumerate(zip(dropped, truth, strict=True)) if not torch.equal(a, b)}
    assert positions(profile, serving) == expected
    assert differing <= set(expected)
    assert differing != set()
