"""Values of the model as JSON: they come back as they were, whatever is in them."""

from __future__ import annotations

import json
import math
from typing import Any

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steadygraph.model import (
    CaseReport,
    ContainerNode,
    CycleNode,
    GraphChange,
    GraphInput,
    Leak,
    Node,
    NoneNode,
    Observation,
    OpaqueNode,
    Outcome,
    Policy,
    Result,
    TensorNode,
    TensorSpec,
    ValueNode,
)
from steadygraph.report.json.values import taken, written

from .hostile import values

SPEC = TensorSpec((2, "s0"), "torch.float32", "cpu", ("s0", 1), False)
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXTS = st.text(max_size=8) | st.sampled_from(("\u2028", "\x7f", "\U0001f600", "NaN", "null", "0"))


def read(kind: Any, text: str) -> Any:
    return taken(kind, json.loads(text))


@some
@given(values(tuple[Observation, ...], TEXTS))
def test_observations_are_read_as_they_were_written(seen: tuple[Observation, ...]) -> None:
    text = written(tuple[Observation, ...], seen)

    assert text.isascii()
    assert read(tuple[Observation, ...], text) == seen


@some
@given(values(CaseReport, TEXTS))
def test_what_a_case_holds_comes_back(case: CaseReport) -> None:
    again = read(CaseReport, written(CaseReport, case))

    assert (again.findings, again.graphs, again.regions) == (case.findings, case.graphs, case.regions)
    assert [each.calls for each in again.scenarios] == [each.calls for each in case.scenarios]


@pytest.mark.parametrize(
    "node",
    [
        NoneNode(),
        TensorNode(SPEC),
        ValueNode("int", "3"),
        OpaqueNode("int"),
        CycleNode("args[0]"),
        ContainerNode("dict", ()),
        ContainerNode("list", (("[0]", NoneNode()), ("[1]", ContainerNode("tuple", (("[0]", OpaqueNode("x")),))))),
    ],
    ids=lambda node: type(node).__name__,
)
def test_kinds_of_nodes_are_not_taken_for_each_other(node: Node) -> None:
    again = read(Node, written(Node, node))

    assert type(again) is type(node)
    assert again == node


def test_a_node_with_fields_of_two_kinds_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError):
        read(Node, '{"type": "int", "value": "3", "to": "x"}')


def test_sizes_stay_numbers_and_symbols_texts() -> None:
    shape = read(TensorSpec, written(TensorSpec, TensorSpec((3, "3"), "d", "cpu", (), True))).shape

    assert [(type(size), size) for size in shape] == [(int, 3), (str, "3")]


def test_counts_are_an_object() -> None:
    change = GraphChange(False, missing_ops=(("add", 3), ("mul", 1)))

    text = written(GraphChange, change, indent=None)

    assert json.loads(text)["missing_ops"] == {"add": 3, "mul": 1}
    assert read(GraphChange, text) == change


def test_fields_that_are_left_out_come_back_as_their_defaults() -> None:
    text = written(GraphInput, GraphInput("x", "L['x']", SPEC), without=frozenset({(TensorSpec, "subclass")}))

    assert "subclass" not in json.loads(text)["spec"]
    assert read(GraphInput, text) == GraphInput("x", "L['x']", SPEC)


@pytest.mark.parametrize("size", [math.inf, math.nan, 0.25, None])
def test_an_error_of_any_size_comes_back_in_json_that_everyone_reads(size: float | None) -> None:
    outcomes = (Outcome(Policy.DROP, "eager", Result.SILENT_WRONG, size),)
    leak = Leak((), "", size)

    texts = written(tuple[Outcome, ...], outcomes), written(Leak, leak)

    for text in texts:
        json.loads(text, parse_constant=pytest.fail)
    # NaN is equal to nothing, so that what is shown has to tell.
    assert repr(read(tuple[Outcome, ...], texts[0])) == repr(outcomes)
    assert repr(read(Leak, texts[1])) == repr(leak)
