"""Pictures of graphs as SVG: equal nodes at equal places for both runs, what only one has in its own colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from steadygraph.report.html.picture.graph_boxes import PADDING, Box, Boxes
from steadygraph.report.html.picture.graph_layout import Edge, Layout, centred, layered
from steadygraph.report.html.picture.graph_parts import Span, parts
from steadygraph.report.html.picture.graph_union import Side, UnionNode

#: In pixels: a box, from one layer to the next, around all.
_HEIGHT, _PITCH, _MARGIN = 22, 40, 8
#: Wider layers are spread over several.
_MOST_WIDTH, _SMALLEST_SCALE = 520.0, 0.8

_Graphs = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Picture:
    """One stretch of the graphs, as SVG for each of the two runs."""

    profile: Markup
    serving: Markup


@dataclass(frozen=True, slots=True)
class PicturePart:
    """Pictures that follow one another, and those that are folded below them.

    Args:
        heading: Which graph of its run begins here, for both runs; empty where a run has a single graph.
        shown: Pictures.
        folded: Pictures in the fold.
        label: What is in the fold.
    """

    heading: tuple[str, str]
    shown: tuple[Picture, ...]
    folded: tuple[Picture, ...]
    label: str


def pictures(nodes: Sequence[UnionNode]) -> list[PicturePart]:
    """Both runs, drawn part by part."""
    drawing = _Drawing(nodes)
    numbers = [1 + max((node.graphs[run] or 0 for node in nodes), default=0) for run in (0, 1)]
    last: list[int | None] = [None, None]
    found = []
    for part in parts(nodes):
        heading = [_heading(*each) for each in zip(part.graphs, last, numbers, strict=True)]
        last = [known if number is None else number for number, known in zip(part.graphs, last, strict=True)]
        shown, folded = (tuple(drawing.picture(span) for span in spans) for spans in (part.shown, part.folded))
        found.append(PicturePart((heading[0], heading[1]), shown, folded, part.label))
    return found


def _heading(number: int | None, last: int | None, of: int) -> str:
    """``graph 3 of 12`` where a run begins with another graph."""
    return "" if number in (None, last) or of == 1 else f"graph {(number or 0) + 1} of {of}"


class _Drawing:
    def __init__(self, nodes: Sequence[UnionNode]) -> None:
        self.boxes = Boxes(nodes)
        self.layouts: dict[object, Layout] = {}

    def picture(self, span: Span) -> Picture:
        """One stretch of the union, drawn once for each run."""
        boxes = self.boxes.of(span)
        edges = self.boxes.edges(boxes)
        layout = self._layout(tuple(box.width for box in boxes), tuple(edges))
        about = f"nodes {span[0] + 1:,} to {span[1]:,}"
        return Picture(*(_svg(boxes, edges, layout, side, about) for side in (Side.PROFILE, Side.SERVING)))

    def _layout(self, widths: tuple[float, ...], edges: tuple[Edge, ...]) -> Layout:
        """Equal layers are laid out once."""
        key = (widths, edges)
        if key not in self.layouts:
            self.layouts[key] = centred(layered(widths, edges, _MOST_WIDTH), _MOST_WIDTH)
        return self.layouts[key]


def _svg(boxes: Sequence[Box], edges: dict[Edge, Side], layout: Layout, run: Side, about: str) -> Markup:
    width = round(layout.width + 2 * _MARGIN)
    height = layout.layers * _PITCH - (_PITCH - _HEIGHT) + 2 * _MARGIN
    # What is a little too wide is drawn a little smaller.
    scale = min(max((_MOST_WIDTH + 2 * _MARGIN) / width, _SMALLEST_SCALE), 1.0)
    shapes = [*_edges(edges, layout, boxes, run), *_nodes(boxes, layout, run)]
    return Markup(
        f'<svg width="{width * scale:.0f}" height="{height * scale:.0f}" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{run}, {about}">{"".join(shapes)}</svg>'
    )


def _edges(edges: dict[Edge, Side], layout: Layout, boxes: Sequence[Box], run: Side) -> Iterator[str]:
    for (start, stop), side in edges.items():
        if side in (Side.BOTH, run):
            passed = layout.routes[start, stop]
            xs = [_middle(layout, boxes, start), *(x + _MARGIN for x in passed), _middle(layout, boxes, stop)]
            looks = "" if side is Side.BOTH else f' class="{side}"'
            path = _path(xs, _top(layout.layer[start]) + _HEIGHT)
            yield f'<path d="{path}"{looks} data-from="{boxes[start].node}" data-to="{boxes[stop].node}"/>'


def _path(xs: Sequence[float], y: int) -> str:
    """A curve that leaves a node downwards, passes layers in straight lines, and arrives at a node from above."""
    steps = [f"M{xs[0]:.0f} {y}"]
    for number, (x, to) in enumerate(pairwise(xs)):
        if number:
            y += _HEIGHT
            steps.append(f"V{y}")
        bottom = y + _PITCH - _HEIGHT
        middle = (y + bottom) // 2
        steps.append(f"V{bottom}" if abs(x - to) < 0.5 else f"C{x:.0f} {middle} {to:.0f} {middle} {to:.0f} {bottom}")
        y = bottom
    return "".join(steps)


def _nodes(boxes: Sequence[Box], layout: Layout, run: Side) -> Iterator[str]:
    for number, box in enumerate(boxes):
        x, y = f"{layout.left[number] + _MARGIN:.0f}", _top(layout.layer[number])
        if box.side in (Side.BOTH, run):
            yield _node(box, x, y)
        elif not box.is_port:
            yield f'<rect class="gap" x="{x}" y="{y}" width="{box.width}" height="{_HEIGHT}" rx="4"/>'


def _node(box: Box, x: str, y: int) -> str:
    owner = f" <tspan>{escape(box.owner)}</tspan>" if box.owner else ""
    going_on = f'<path d="M{box.width / 2:.0f} {_HEIGHT}v7"/>' if box.goes_on else ""
    return (
        f'<g class="{box.looks}" data-node="{box.node}" transform="translate({x} {y})">'
        f"<title>{escape(box.title)}</title>"
        f'<rect width="{box.width}" height="{_HEIGHT}" rx="4"/>'
        f'<text x="{PADDING}" y="15">{escape(box.name)}{owner}</text>{going_on}</g>'
    )


def _middle(layout: Layout, boxes: Sequence[Box], number: int) -> float:
    return layout.left[number] + boxes[number].width / 2 + _MARGIN


def _top(layer: int) -> int:
    return _MARGIN + layer * _PITCH
