"""What of a large graph is drawn in one piece, and what is folded: repeated layers, and long stretches without news."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from steadygraph.model import NodeKind
from steadygraph.report.html.picture.assertions import assertions, runs
from steadygraph.report.html.picture.graph_union import UnionNode

#: Nodes of one picture; longer stretches are cut where few edges are cut with them.
_MOST_NODES = 120
#: A block of fewer nodes is no layer, and fewer nodes than that are not worth a fold.
_SMALLEST_BLOCK, _SMALLEST_FOLD = 6, 24
#: Periods that are tried, and repetitions that are looked for in one graph.
_MOST_PERIODS, _MOST_REPETITIONS = 12, 40
#: From so many open nodes on, stretches that are the same in both runs are folded.
_MANY_NODES = 400
#: Edges that it is as bad to cut as one between a weight and its operator.
_WEIGHT_OF_WEIGHTS = 4
_DIGITS = re.compile(r"\d+")
#: ``self.layers[3]``, ``model.layers.3``: what a repeated block of inputs belongs to.
_OWNER = re.compile(r"(?:self\.)?(.+?(?:\[\d+\]|\.\d+))(?=[.\[]|$)")

#: First node and the one after the last.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive nodes.

    Args:
        shown: What is drawn openly.
        folded: What is drawn in a fold below.
        label: What is folded, in words.
        graphs: Positions of the graphs of both runs that this belongs to; None where a run has no node here.
    """

    shown: tuple[Span, ...]
    folded: tuple[Span, ...] = ()
    label: str = ""
    graphs: tuple[int | None, int | None] = (None, None)

    @property
    def span(self) -> Span:
        spans = (*self.shown, *self.folded)
        return spans[0][0], spans[-1][1]


class _Folding:
    def __init__(self, nodes: Sequence[UnionNode]) -> None:
        self.nodes = nodes
        self.tokens = [_token(node) for node in nodes]
        self.crossing = _crossing(nodes)
        self.assertions = assertions(nodes)
        self.repetitions = _MOST_REPETITIONS

    def all_parts(self, span: Span) -> Iterator[Part]:
        """What only checks sizes is folded; the rest as in :meth:`parts`."""
        start, stop = span
        for first, end in runs(self.assertions, *span):
            if start < first:
                yield from self.parts((start, first))
            yield Part((), tuple(self.chunks((first, end))), f"{end - first:,} nodes that only check sizes")
            start = end
        if start < stop:
            yield from self.parts((start, stop))

    def parts(self, span: Span) -> Iterator[Part]:
        """The largest repetition in the span, and what is before and after it, in order."""
        found = self._largest_repetition(span) if self.repetitions else None
        if found is None:
            yield from (Part((chunk,)) for chunk in self.chunks(span))
            return
        self.repetitions -= 1
        start, period, count = found
        blocks = [(start + n * period, start + (n + 1) * period) for n in range(count)]
        if span[0] < start:
            yield from self.parts((span[0], start))
        yield self._repeated(blocks)
        if blocks[-1][1] < span[1]:
            yield from self.parts((blocks[-1][1], span[1]))

    def chunks(self, span: Span) -> Iterator[Span]:
        """Pieces that are small enough for one picture."""
        start, stop = span
        while stop - start > _MOST_NODES:
            cut = min(range(start + _MOST_NODES // 2, start + _MOST_NODES), key=lambda at: (self.crossing[at], -at))
            yield start, cut
            start = cut
        if start < stop:
            yield start, stop

    def _largest_repetition(self, span: Span) -> tuple[int, int, int] | None:
        """(start, period, count) of the blocks, at least two, that repeat most nodes."""
        best, gain = None, _SMALLEST_FOLD - 1
        for period in self._periods(span):
            for start, length in self._runs(span, period):
                if length > gain and length >= period:
                    best, gain = (start, period, length), length
        return None if best is None else self._at_a_waist(*best)

    def _periods(self, span: Span) -> list[int]:
        last: dict[Hashable, int] = {}
        gaps = Counter[int]()
        for position in range(*span):
            token = self.tokens[position]
            if token in last:
                gaps[position - last[token]] += 1
            last[token] = position
        return [gap for gap, _ in gaps.most_common() if gap >= _SMALLEST_BLOCK][:_MOST_PERIODS]

    def _runs(self, span: Span, period: int) -> Iterator[Span]:
        """(start, length) of stretches whose every node is the same as the one a period later."""
        tokens, length = self.tokens, 0
        for position in range(span[0], span[1] - period + 1):
            if position < span[1] - period and tokens[position] == tokens[position + period]:
                length += 1
                continue
            if length:
                yield position - length, length
            length = 0

    def _at_a_waist(self, start: int, period: int, length: int) -> tuple[int, int, int]:
        """The blocks begin where a layer does: where few edges cross; at the price of a block only if far fewer do."""
        crossing = self.crossing.__getitem__
        free = min(range(start, start + length % period + 1), key=crossing)
        other = min(range(start, start + min(period - 1, length - period) + 1), key=crossing)
        first = free if crossing(free) <= 2 * crossing(other) else other
        return first, period, (length + period - (first - start)) // period

    def _repeated(self, blocks: Sequence[Span]) -> Part:
        first, *others = blocks
        names = [_owner(self.nodes[slice(*block)]) for block in (first, blocks[1], blocks[-1])]
        which = f"like {names[0]}" if names[0] else "like the one above"
        if names[1] and names[2]:
            which += f": {names[1]}" if len(others) == 1 else f": {names[1]} to {names[2]}"
        return Part(
            shown=tuple(self.chunks(first)),
            folded=tuple(chunk for block in others for chunk in self.chunks(block)),
            label=f"{len(others)} more {which} ({sum(stop - start for start, stop in others):,} nodes)",
        )


def parts(nodes: Sequence[UnionNode]) -> list[Part]:
    """All nodes in parts, in order."""
    folding = _Folding(nodes)
    found = [replace(part, graphs=graphs) for span, graphs in _by_graph(nodes) for part in folding.all_parts(span)]
    shown = sum(stop - start for part in found for start, stop in part.shown)
    return _without_news_folded(nodes, found) if shown > _MANY_NODES else found


def _by_graph(nodes: Sequence[UnionNode]) -> Iterator[tuple[Span, tuple[int | None, int | None]]]:
    """Stretches in which neither run goes on to its next graph."""
    start, profile, serving = 0, None, None
    for position, node in enumerate(nodes):
        before, now = node.graphs
        if (before is not None and profile not in (None, before)) or (now is not None and serving not in (None, now)):
            yield (start, position), (profile, serving)
            start, profile, serving = position, None, None
        profile = before if before is not None else profile
        serving = now if now is not None else serving
    if nodes:
        yield (start, len(nodes)), (profile, serving)


def _without_news_folded(nodes: Sequence[UnionNode], found: Sequence[Part]) -> list[Part]:
    """Parts that differ in nothing, nor have a neighbour that does, folded; where anything differs at all."""
    news = [any(node.differs for node in nodes[slice(*part.span)]) for part in found]
    if not any(news):
        return list(found)
    result: list[Part] = []
    for number, part in enumerate(found):
        if any(news[max(number - 1, 0) : number + 2]):
            result.append(part)
            continue
        folded = (*part.shown, *part.folded)
        if result and not result[-1].shown and result[-1].graphs == part.graphs:
            folded = (*result.pop().folded, *folded)
        size = folded[-1][1] - folded[0][0]
        result.append(Part((), folded, f"{size:,} nodes that are the same in both", part.graphs))
    return result


def _token(node: UnionNode) -> Hashable:
    step = node.step
    place = step.place and (step.place.path, step.place.line)
    return (step.node.kind, _DIGITS.sub("#", step.node.name), step.node.bodies, place, node.side)


def _crossing(nodes: Sequence[UnionNode]) -> list[int]:
    """How many edges lead from before each position to behind it; a weight belongs to what uses it."""
    uses = Counter(source for node in nodes for source, _ in node.inputs)
    change = [0] * (len(nodes) + 1)
    for position, node in enumerate(nodes):
        for source, _ in node.inputs:
            alone = uses[source] == 1 and nodes[source].step.node.kind is not NodeKind.CALL
            weight = _WEIGHT_OF_WEIGHTS if alone else 1
            change[source + 1] += weight
            change[position + 1] -= weight
    return list(accumulate(change))


def _owner(nodes: Sequence[UnionNode]) -> str:
    """``layers[3]``, if the inputs in this block belong to one."""
    found = Counter(
        match[1]
        for node in nodes
        if node.step.node.kind is NodeKind.INPUT and (match := _OWNER.match(node.step.node.name))
    )
    return found.most_common(1)[0][0] if found else ""
