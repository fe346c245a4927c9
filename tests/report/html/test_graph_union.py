"""Two runs' graphs as one."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from steadygraph.model import Graph, GraphBody, GraphNode, NodeKind
from steadygraph.report.html.picture.graph_union import Side, Step, UnionNode, run_of, union

from .graphs import LINES, Builder, decoder


def names(nodes: list[UnionNode], side: Side) -> list[str]:
    return [node.step.node.name for node in nodes if node.side is side]


def product_of(path: str) -> list[Step]:
    """A run that multiplies its input by the value at this path."""
    build = Builder()
    return run_of([build.graph("g", build.call("mul", build.input("x"), build.input(path, line=1)))])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Graphs of few operators, so that much of two of them is the same."""
    build = Builder()
    for number in range(draw(st.integers(0, 12))):
        inputs = draw(st.lists(st.integers(0, number - 1), max_size=3)) if number else []
        if inputs:
            build.call(draw(st.sampled_from(["add", "mul", "cat"])), *inputs, line=draw(st.integers(0, 2)))
        else:
            build.input(draw(st.sampled_from(["x", "y", "self.weight"])))
    return build.graph("digest")


def test_inputs_stand_before_what_uses_them_first() -> None:
    build = Builder()
    x, first, second = build.input("x"), build.input("first"), build.input("second")
    graph = build.graph("g", build.call("mul", build.call("add", x, first), second))

    run = run_of([graph])

    assert [step.node.name for step in run] == ["x", "first", "add", "second", "mul", ""]


def test_only_the_added_features_are_in_one_run_alone() -> None:
    nodes = union(run_of([decoder(6, "a")]), run_of([decoder(6, "b", added=2)]))

    assert names(nodes, Side.PROFILE) == []
    assert names(nodes, Side.SERVING) == ["deepstack['d0']", "add", "deepstack['d1']", "add"]


def test_an_added_operator_is_told_by_its_line_from_equal_ones_around_it() -> None:
    nodes = union(run_of([decoder(1, "a")]), run_of([decoder(1, "b", added=1)]))

    (added,) = [node for node in nodes if node.side is Side.SERVING and node.step.node.kind is NodeKind.CALL]
    assert added.step.place == LINES[13]


def test_the_edges_that_an_added_operator_takes_over_are_of_one_run_each() -> None:
    nodes = union(run_of([decoder(2, "a")]), run_of([decoder(2, "b", added=1)]))

    sides = Counter(side for node in nodes for _, side in node.inputs)

    # What layer 0 gives goes to the norm and to the residual of layer 1: two edges moved; two more lead into the add.
    assert (sides[Side.PROFILE], sides[Side.SERVING]) == (2, 4)


def test_a_weight_that_is_called_by_another_path_on_the_same_line_is_the_same() -> None:
    nodes = union(product_of("self.layers[0].norm.weight"), product_of("self.norm.weight"))

    assert {node.side for node in nodes} == {Side.BOTH}


def test_an_argument_of_another_name_is_not_the_same() -> None:
    nodes = union(product_of("kwargs['a']"), product_of("kwargs['b']"))

    assert (names(nodes, Side.PROFILE), names(nodes, Side.SERVING)) == (["kwargs['a']"], ["kwargs['b']"])


def valued(*values: str) -> list[Step]:
    """A run whose steps each take the one before, with these dtypes and shapes."""
    nodes = [GraphNode(NodeKind.INPUT, "x", (), values[0])]
    nodes += [GraphNode(NodeKind.CALL, "mul", (number,), value) for number, value in enumerate(values[1:])]
    return run_of([Graph("g", (), (), LINES[0], nodes=tuple(nodes))])


def test_another_dtype_is_told_where_it_begins() -> None:
    nodes = union(valued("float32[4]", "float32[4]", "float32[4]"), valued("float32[4]", "float16[4]", "float16[4]"))

    assert [node.is_changed for node in nodes] == [False, True, False]
    assert nodes[1].value_at_profile == "float32[4]"


def test_a_size_that_is_fixed_in_one_run_only_is_a_change() -> None:
    (node,) = union(valued("float32[16, 64]"), valued("float32[s3, 64]"))

    assert node.is_changed


def test_another_name_of_a_symbol_is_no_change() -> None:
    (node,) = union(valued("float32[2*s0, u1]"), valued("float32[2*s53, u0]"))

    assert not node.is_changed


@given(graphs(), graphs())
def test_the_union_holds_both_runs_in_their_order_with_their_edges(before: Graph, now: Graph) -> None:
    runs = run_of([before]), run_of([now])

    nodes = union(*runs)

    for run, own in zip(runs, (Side.PROFILE, Side.SERVING), strict=True):
        here = [number for number, node in enumerate(nodes) if node.side in (Side.BOTH, own)]
        place = {number: position for position, number in enumerate(here)}
        assert len(here) == len(run)
        for number in here:
            step, node = run[place[number]], nodes[number]
            assert node.step.node.kind is step.node.kind
            assert {place[source] for source, side in node.inputs if side in (Side.BOTH, own)} == set(step.inputs)


@given(graphs(), graphs())
def test_every_node_comes_after_its_inputs(before: Graph, now: Graph) -> None:
    nodes = union(run_of([before]), run_of([now]))

    assert all(source < number for number, node in enumerate(nodes) for source, _ in node.inputs)


@given(graphs())
def test_a_graph_and_itself_are_one_graph(graph: Graph) -> None:
    nodes = union(run_of([graph]), run_of([graph]))

    assert len(nodes) == len(graph.nodes)
    assert not any(node.differs for node in nodes)


def test_what_a_higher_order_operator_runs_stands_in_front_of_it() -> None:
    branch = GraphBody("t", (GraphNode(NodeKind.INPUT, "x"), GraphNode(NodeKind.CALL, "sin", (0,), line=1)), LINES)
    nodes = (GraphNode(NodeKind.INPUT, "args[0]"), GraphNode(NodeKind.CALL, "cond", (0,), bodies=("t", "gone")))

    run = run_of([Graph("g", (), (), LINES[0], nodes=nodes, lines=LINES, bodies=(branch,))])

    assert [(step.node.name, step.inputs) for step in run] == [
        ("args[0]", ()),
        ("x", ()),
        ("sin", (1,)),
        ("cond", (0, 2)),
    ]
    assert run[2].place == LINES[1]


def test_a_body_that_holds_itself_and_others_without_end_is_cut() -> None:
    """Sixty bodies, each of which runs the next one thirty times, and itself."""
    bodies = tuple(
        GraphBody(str(each), (GraphNode(NodeKind.CALL, "cond", (), bodies=(str(each + 1), str(each))),) * 30, ())
        for each in range(60)
    )

    run = run_of([Graph("g", (), (), LINES[0], nodes=bodies[0].nodes, bodies=bodies)])

    assert 20_000 <= len(run) < 30_000


def test_inputs_and_lines_that_a_foreign_file_made_up_are_left_out() -> None:
    nodes = (GraphNode(NodeKind.CALL, "add", (5, -1, 0), "", 99), GraphNode(NodeKind.CALL, "mul", (0, 7), "", -1))

    run = run_of([Graph("g", (), (), LINES[0], nodes=nodes)])

    assert [(step.inputs, step.place) for step in run] == [((), None), ((0,), None)]
