"""Where the nodes of a small graph are drawn: in layers, every edge leading downwards, few edges crossing.

The steps are those of Sugiyama's method: layers, an order within each layer, then horizontal positions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

#: Between neighbours in a layer, and how wide an edge that passes through one is.
_GAP, _PASSING = 12.0, 6.0
_SWEEPS = 4

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions.

    Args:
        left: Left edge of every node.
        layer: Layer of every node, 0 is the top.
        routes: For every edge the horizontal positions at which it passes the layers between its ends.
        width: Of the whole.
        layers: How many there are.
    """

    left: tuple[float, ...]
    layer: tuple[int, ...]
    routes: dict[Edge, tuple[float, ...]]
    width: float
    layers: int


def layered(widths: Sequence[float], edges: Sequence[Edge], most: float) -> Layout:
    """Lay out nodes, each of which comes after those that its edges lead from.

    Args:
        widths: Of the nodes.
        edges: (from, to) positions, each once, ``from < to``.
        most: How wide a layer gets before nodes move on to further ones; a single node may be wider.
    """
    layer = _layers(widths, edges, most)
    # Edges from one node pass further layers together, as far as they go the same way.
    every, place, passing = list(widths), list(layer), dict[Edge, int]()
    links: dict[Edge, None] = {}
    routes: dict[Edge, list[int]] = {}
    for start, stop in edges:
        chain = [start]
        for number in range(layer[start] + 1, layer[stop]):
            if (start, number) not in passing:
                passing[start, number] = len(every)
                every.append(_PASSING)
                place.append(number)
            chain.append(passing[start, number])
        routes[start, stop] = chain[1:]
        links.update(dict.fromkeys(pairwise([*chain, stop])))
    left = _positions(every, place, tuple(links), most)
    return Layout(
        left=tuple(left[: len(widths)]),
        layer=tuple(layer),
        routes={edge: tuple(left[each] + _PASSING / 2 for each in route) for edge, route in routes.items()},
        width=max((x + width for x, width in zip(left, every, strict=True)), default=0.0),
        layers=max(layer, default=-1) + 1,
    )


def centred(layout: Layout, width: float) -> Layout:
    """The same in the middle of at least so much room."""
    first = min((*layout.left, *(x for route in layout.routes.values() for x in route)), default=0.0)
    shift = max(width - (layout.width - first), 0.0) / 2 - first
    return Layout(
        left=tuple(x + shift for x in layout.left),
        layer=layout.layer,
        routes={edge: tuple(x + shift for x in route) for edge, route in layout.routes.items()},
        width=max(width, layout.width - first),
        layers=layout.layers,
    )


def _layers(widths: Sequence[float], edges: Sequence[Edge], most: float) -> list[int]:
    sources, targets = _neighbours(len(widths), edges)
    used = defaultdict[int, float](float)
    layer = [0] * len(widths)

    def put(node: int, wanted: int, step: int) -> None:
        while used[wanted] and used[wanted] + widths[node] + _GAP > most:
            wanted += step
        layer[node] = wanted
        used[wanted] += widths[node] + _GAP

    inner = [node for node in range(len(widths)) if sources[node]]
    for node in inner:
        put(node, 1 + max(layer[each] for each in sources[node]), 1)
    # Down to what uses it, where that makes no more edges longer than shorter.
    for node in reversed(inner):
        if len(targets[node]) >= len(sources[node]):
            used[layer[node]] -= widths[node] + _GAP
            lowest, highest = min(layer[each] for each in targets[node]) - 1, layer[node]
            free = (at for at in range(lowest, highest, -1) if used[at] + widths[node] + _GAP <= most)
            put(node, next(free, highest), 1)
    for node in range(len(widths)):
        if not sources[node]:
            put(node, min((layer[each] for each in targets[node]), default=1) - 1, -1 if targets[node] else 1)
    return _without_gaps(layer)


def _without_gaps(layer: list[int]) -> list[int]:
    number = {each: index for index, each in enumerate(sorted(set(layer)))}
    return [number[each] for each in layer]


def _neighbours(nodes: int, edges: Sequence[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    sources: list[list[int]] = [[] for _ in range(nodes)]
    targets: list[list[int]] = [[] for _ in range(nodes)]
    for start, stop in edges:
        sources[stop].append(start)
        targets[start].append(stop)
    return sources, targets


def _positions(widths: Sequence[float], layer: Sequence[int], links: Sequence[Edge], most: float) -> list[float]:
    """Sweeps down and up: each layer is ordered by the middle of its neighbours, and moved as near to it as it can."""
    sources, targets = _neighbours(len(widths), links)
    rows: dict[int, list[int]] = defaultdict(list)
    for node, number in enumerate(layer):
        rows[number].append(node)
    left = [0.0] * len(widths)
    for row in rows.values():
        _settle(row, [0.0] * len(row), widths, left, most)
    for sweep in range(2 * _SWEEPS + 1):
        downwards = sweep % 2 == 0
        near = sources if downwards else targets
        for number in sorted(rows, reverse=not downwards):
            row = rows[number]
            middle = {node: _middle(node, near[node], widths, left) for node in row}
            row.sort(key=middle.__getitem__)
            _settle(row, [middle[node] for node in row], widths, left, most)
    return left


def _middle(node: int, near: Sequence[int], widths: Sequence[float], left: Sequence[float]) -> float:
    """The mean of the neighbours' middles; without neighbours where it is."""
    nodes = near or (node,)
    return sum(left[each] + widths[each] / 2 for each in nodes) / len(nodes)


def _settle(
    row: Sequence[int], middles: Sequence[float], widths: Sequence[float], left: list[float], most: float
) -> None:
    """Put a row as near to the wanted middles as its order allows, within 0 and ``most`` where it fits.

    Least squares under an order are isotonic regression: neighbours that are too near move together.
    """
    offsets, offset = [], 0.0
    for node in row:
        offsets.append(offset)
        offset += widths[node] + _GAP
    blocks: list[tuple[float, int]] = []
    for node, wanted, before in zip(row, middles, offsets, strict=True):
        total, count = wanted - widths[node] / 2 - before, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            total, count = total + blocks[-1][0], count + blocks[-1][1]
            blocks.pop()
        blocks.append((total, count))
    room = max(most - (offset - _GAP), 0.0)
    shifts = [min(max(total / count, 0.0), room) for total, count in blocks for _ in range(count)]
    for node, shift, before in zip(row, shifts, offsets, strict=True):
        left[node] = shift + before
