"""Checks of sizes in a graph are told from what it computes."""

from __future__ import annotations

import pytest

from steadygraph.report.html.picture.assertions import assertions, runs
from steadygraph.report.html.picture.graph_parts import parts
from steadygraph.report.html.picture.graph_union import run_of, union

from .graphs import Builder


def checked(build: Builder, size: int, times: int) -> None:
    """What Dynamo writes for ``torch._check(size >= n)``: a comparison that only an assertion takes."""
    for number in range(times):
        build.call("_assert_scalar", build.call("ge", size, value=""), line=number, value="")


def test_an_assertion_and_what_only_assertions_take_are_checks() -> None:
    build = Builder()
    size = build.input("n")
    checked(build, size, 2)
    taken = build.call("sum", size, value="")
    result = build.call("full", taken)

    nodes = union([], run_of([build.graph("a", result)]))

    named = [node.step.node.name for node in nodes]
    found = assertions(nodes)
    assert [named[position] for position in sorted(found)] == ["ge", "_assert_scalar", "ge", "_assert_scalar"]


def test_what_a_result_takes_too_is_no_check() -> None:
    build = Builder()
    shared = build.call("ge", build.input("n"), value="")
    build.call("_assert_scalar", shared, value="")

    nodes = union([], run_of([build.graph("a", shared)]))

    names = [node.step.node.name for node in nodes]
    assert [names[position] for position in assertions(nodes)] == ["_assert_scalar"]


def test_many_checks_in_a_row_are_folded_and_said_to_be_checks() -> None:
    build = Builder()
    x = build.input("x")
    size = build.input("n")
    first = build.call("add", x)
    checked(build, size, 10)
    last = build.call("mul", first)
    nodes = union([], run_of([build.graph("a", last)]))

    found = parts(nodes)

    (folded,) = [part for part in found if part.folded]
    assert folded.label == "20 nodes that only check sizes"
    assert folded.shown == ()
    # Nothing is lost, and the order is kept.
    spans = sorted(span for part in found for span in (*part.shown, *part.folded))
    assert [position for span in spans for position in range(*span)] == list(range(len(nodes)))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({1, 2, 3, 4, 5, 6}, [(1, 7)]),
        ({1, 2, 3, 4, 5}, []),
        ({0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12}, [(0, 6), (7, 13)]),
        (set(), []),
    ],
    ids=["a run", "too short", "two, one at the end", "none"],
)
def test_runs_are_the_longest_stretches(found: set[int], expected: list[tuple[int, int]]) -> None:
    assert list(runs(frozenset(found), 0, 13)) == expected
