"""Sentences by themselves: how they get shorter where there is little room."""

from __future__ import annotations

import pytest

from steadygraph.model import GraphChange, GraphOutput, Reach
from steadygraph.report.text.wording import what_the_graph_lacks

OPERATORS = (("add", 9), ("clone", 7), ("mul", 5), ("setitem", 3), ("to", 1))
INPUTS = ("self.weight", "mask", "deep.tensors['d0']")


@pytest.mark.parametrize(
    ("room", "sentence"),
    [
        (
            None,
            "the profile graph lacks 3 inputs (deep.tensors['d0'], ...), 9 x add, 7 x clone, 5 x mul, 3 x setitem and "
            "1 more; only the profile graph has 2 x sub",
        ),
        (
            125,
            "the profile graph lacks 3 inputs, 9 x add, 7 x clone, 5 x mul, 3 x setitem and 1 more; "
            "only the profile graph has 2 x sub",
        ),
        (
            115,
            "the profile graph lacks 3 inputs (deep.tensors['d0'], ...), 9 x add, 7 x clone, 5 x mul, 3 x setitem and "
            "1 more",
        ),
        (90, "the profile graph lacks 3 inputs, 9 x add, 7 x clone, 5 x mul, 3 x setitem and 1 more"),
        (70, "the profile graph lacks 3 inputs, 9 x add, 7 x clone and 3 more"),
        (10, "the profile graph lacks 3 inputs, 9 x add and 4 more"),
    ],
)
def test_what_says_least_about_the_graph_is_left_out_first(room: int | None, sentence: str) -> None:
    graph = GraphChange(False, INPUTS, OPERATORS, (("sub", 2),))

    assert what_the_graph_lacks(graph, about="deep", room=room) == sentence


@pytest.mark.parametrize(
    ("room", "sentence"),
    [
        (None, "the profile graph lacks 9 x add; this reaches 2 of 3 outputs: [0] float32[s0, 64], [2]"),
        (86, "the profile graph lacks 9 x add; this reaches 2 of 3 outputs: [0] float32[s0, 64], [2]"),
        (85, "the profile graph lacks 9 x add; this reaches 2 of 3 outputs"),
        (50, "the profile graph lacks 9 x add"),
    ],
)
def test_outputs_that_a_difference_reaches_are_told_where_there_is_room(room: int | None, sentence: str) -> None:
    reach = Reach(3, (GraphOutput(0, "float32[s0, 64]"), GraphOutput(2, "")))

    assert what_the_graph_lacks(GraphChange(False, (), (("add", 9),), (), reach), room=room) == sentence


def test_a_difference_that_reaches_no_output_says_so() -> None:
    graph = GraphChange(False, (), (("add", 1),), (("sub", 1),), Reach(1, ()))

    assert what_the_graph_lacks(graph) == (
        "the profile graph lacks 1 x add; only the profile graph has 1 x sub; this reaches no output"
    )


@pytest.mark.parametrize("reach", [None, Reach(1, (GraphOutput(0, ""),))], ids=["not known", "all of them"])
def test_nothing_is_said_of_outputs_where_all_differ_or_none_is_known(reach: Reach | None) -> None:
    graph = GraphChange(False, (), (("add", 1),), (), reach)

    assert what_the_graph_lacks(graph) == "the profile graph lacks 1 x add"


def test_of_many_inputs_none_is_named_that_has_nothing_to_do_with_the_finding() -> None:
    graph = GraphChange(False, INPUTS, (("add", 1),))

    assert what_the_graph_lacks(graph, about="images") == "the profile graph lacks 3 inputs and 1 x add"
    assert what_the_graph_lacks(graph) == "the profile graph lacks 3 inputs and 1 x add"
