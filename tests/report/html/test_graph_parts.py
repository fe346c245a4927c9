"""What of a graph is drawn openly, and what is folded."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from steadygraph.report.html.picture.graph_parts import Part, parts
from steadygraph.report.html.picture.graph_union import UnionNode, run_of, union

from .graphs import Builder, decoder

#: Nodes of one layer of the decoder, its weights among them.
LAYER = 17


def nodes_of(layers: int, added: int = 0) -> list[UnionNode]:
    return union(run_of([decoder(layers, "a")]), run_of([decoder(layers, "b", added=added)]))


def sizes(part: Part) -> tuple[list[int], list[int]]:
    shown, folded = ([stop - start for start, stop in spans] for spans in (part.shown, part.folded))
    return shown, folded


def test_of_equal_layers_the_first_is_shown_and_the_others_are_folded() -> None:
    (repeated,) = [part for part in parts(nodes_of(12)) if part.folded]

    shown, folded = sizes(repeated)
    assert set(shown + folded) == {LAYER}
    assert (len(shown), len(folded)) == (1, 11)


def test_layers_with_added_features_are_folded_apart_from_those_without() -> None:
    found = [part for part in parts(nodes_of(24, added=8)) if part.folded]

    assert [set(itertools.chain(*sizes(part))) for part in found] == [{LAYER + 2}, {LAYER}]


def test_the_fold_says_what_is_in_it() -> None:
    (repeated,) = [part for part in parts(nodes_of(12)) if part.folded]

    assert repeated.label == f"11 more like layers[0]: layers[1] to layers[11] ({11 * LAYER} nodes)"


def test_a_long_stretch_without_news_is_folded_where_something_else_is_new() -> None:
    graphs = []
    for name in ("a", "b"):
        build = Builder()
        hidden = build.input("x")
        for step in range(1500):  # no two alike, so that nothing repeats
            hidden = build.call(f"operator{'i' * step}", hidden)
        graphs.append(build.graph(name, build.call("added", hidden) if name == "b" else hidden))

    found = parts(union(run_of([graphs[0]]), run_of([graphs[1]])))

    (folded,) = [part for part in found if not part.shown]
    start, stop = folded.span
    assert folded.label == f"{stop - start:,} nodes that are the same in both"
    assert stop - start > 1000


def test_a_run_that_goes_on_in_another_graph_begins_a_part() -> None:
    profile, serving = run_of([decoder(2, "a")]), run_of([decoder(1, "b"), decoder(1, "c")])

    found = parts(union(profile, serving))

    assert {part.graphs[1] for part in found} == {0, 1}


@given(st.integers(0, 30), st.integers(0, 4))
def test_every_node_is_drawn_once_and_in_order(layers: int, added: int) -> None:
    nodes = nodes_of(layers, min(added, layers))

    spans = [span for part in parts(nodes) for span in (*part.shown, *part.folded)]

    assert [number for span in spans for number in range(*span)] == list(range(len(nodes)))


@given(st.integers(1, 20))
def test_no_picture_is_too_large(layers: int) -> None:
    spans = [span for part in parts(nodes_of(layers)) for span in (*part.shown, *part.folded)]

    assert max(stop - start for start, stop in spans) <= 120
