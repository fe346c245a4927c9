"""Nodes that only check sizes: of two runs with other sizes nearly all of them differ, and say nothing new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steadygraph.model import NodeKind
from steadygraph.report.html.picture.graph_union import UnionNode

#: So many in a row are folded.
_SMALLEST_RUN = 6


def assertions(nodes: Sequence[UnionNode]) -> frozenset[int]:
    """Positions of assertions, and of what is calculated for these alone: comparisons, sums, sizes."""
    users: list[list[int]] = [[] for _ in nodes]
    for position, one in enumerate(nodes):
        for source, _ in one.inputs:
            users[source].append(position)
    found: set[int] = set()
    for position in reversed(range(len(nodes))):
        node = nodes[position].step.node
        if node.kind is not NodeKind.CALL:
            continue
        asserts = "assert" in node.name and not users[position]
        # A tensor is written with its sizes: float32[s0, 8].
        only_asserted = bool(users[position]) and "[" not in node.value and found.issuperset(users[position])
        if asserts or only_asserted:
            found.add(position)
    return frozenset(found)


def runs(found: frozenset[int], start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Stretches of nothing but assertions that are long enough to be folded."""
    first = None
    for position in range(start, stop + 1):
        if position < stop and position in found:
            first = position if first is None else first
        elif first is not None:
            if position - first >= _SMALLEST_RUN:
                yield first, position
            first = None
