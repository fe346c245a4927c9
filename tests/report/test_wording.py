"""Sentences by themselves: how they get shorter where there is little room."""

from __future__ import annotations

import pytest

from steadygraph.model import GraphChange
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


def test_of_many_inputs_none_is_named_that_has_nothing_to_do_with_the_finding() -> None:
    graph = GraphChange(False, INPUTS, (("add", 1),))

    assert what_the_graph_lacks(graph, about="images") == "the profile graph lacks 3 inputs and 1 x add"
    assert what_the_graph_lacks(graph) == "the profile graph lacks 3 inputs and 1 x add"
