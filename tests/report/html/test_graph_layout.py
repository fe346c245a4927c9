"""Where the nodes of a graph are drawn."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.report.html.picture.graph_layout import Edge, Layout, centred, layered

MOST = 300.0
Drawing = tuple[list[float], list[Edge]]


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    widths = draw(st.lists(st.floats(10, 120), max_size=25))
    positions = st.integers(0, max(len(widths) - 1, 0))
    edges = {(a, b) for a, b in draw(st.lists(st.tuples(positions, positions), max_size=40)) if a < b}
    return widths, sorted(edges)


def layout_of(drawing: Drawing) -> Layout:
    return layered(*drawing, MOST)


@given(drawings())
def test_every_edge_leads_downwards(drawing: Drawing) -> None:
    layout = layout_of(drawing)

    assert all(layout.layer[start] < layout.layer[stop] for start, stop in drawing[1])


@given(drawings())
def test_an_edge_passes_every_layer_between_its_ends(drawing: Drawing) -> None:
    layout = layout_of(drawing)

    between = {edge: layout.layer[edge[1]] - layout.layer[edge[0]] - 1 for edge in drawing[1]}
    assert {edge: len(route) for edge, route in layout.routes.items()} == between


@given(drawings())
def test_no_two_nodes_of_a_layer_touch(drawing: Drawing) -> None:
    layout = layout_of(drawing)

    for number in range(layout.layers):
        row = sorted(
            (layout.left[node], layout.left[node] + width)
            for node, width in enumerate(drawing[0])
            if layout.layer[node] == number
        )
        assert all(right < left for (_, right), (left, _) in itertools.pairwise(row))


@given(drawings())
def test_all_is_within_the_width_and_the_layers(drawing: Drawing) -> None:
    layout = centred(layout_of(drawing), MOST)

    assert set(layout.layer) == set(range(layout.layers))
    for x, width in zip(layout.left, drawing[0], strict=True):
        assert x >= -1e-6
        assert x + width <= layout.width + 1e-6


def test_a_chain_is_a_straight_line() -> None:
    widths = [40.0, 80.0, 60.0]

    layout = layered(widths, [(0, 1), (1, 2)], MOST)

    assert layout.layer == (0, 1, 2)
    middles = [x + width / 2 for x, width in zip(layout.left, widths, strict=True)]
    assert middles == pytest.approx([middles[0]] * 3)


def test_more_than_fits_into_a_layer_goes_on_in_the_next() -> None:
    fan = [(0, number) for number in range(1, 13)]

    layout = layered([50.0] * 13, fan, MOST)

    # Four nodes of 50 and their gaps of 12 fit into 300: twelve take three layers.
    assert layout.layers == 1 + 3
    assert layout.width <= MOST


def test_two_branches_do_not_cross() -> None:
    branches = [(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)]

    layout = layered([40.0] * 6, branches, MOST)

    assert (layout.left[1] < layout.left[2]) == (layout.left[3] < layout.left[4])
