"""Pictures of graphs as SVG: equal nodes at equal places for both runs, what only one has in its own colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from steadygraph.model import Location, NodeKind
from steadygraph.report.html.graph_layout import Edge, Layout, centred, layered
from steadygraph.report.html.graph_parts import Part, Span, parts
from steadygraph.report.html.graph_union import Side, UnionNode
from steadygraph.report.layout import cropped, flat

#: Sizes in pixels.  Letters are those of a monospaced font of 11 pixels.
_LETTER, _HEIGHT, _PITCH, _PADDING, _MARGIN = 6.65, 22, 40, 8, 8
#: Wider layers are spread over several.
MOST_WIDTH = 520.0
_MOST_LETTERS, _MOST_OWNER_LETTERS = 28, 22
_MOST_INPUTS = 6
#: Colour alone tells nothing to those who do not see it.
_MARKS = {Side.BOTH: "", Side.PROFILE: "- ", Side.SERVING: "+ "}


@dataclass(frozen=True, slots=True)
class Picture:
    """One stretch of both graphs.

    Args:
        profile: SVG of the profile run.
        serving: SVG of the serving run.
    """

    profile: Markup
    serving: Markup


@dataclass(frozen=True, slots=True)
class PicturePart:
    """Pictures that follow one another, and those that are folded below them.

    Args:
        heading: To which graphs of the two runs this belongs, where a run has several.
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
    graphs = tuple(1 + max((node.graphs[run] or 0 for node in nodes), default=0) for run in (0, 1))
    told: tuple[int | None, int | None] = (None, None)
    found = []
    for part in parts(nodes):
        heading = _heading(part, told, graphs) if max(graphs) > 1 else ("", "")
        told = (
            part.graphs[0] if part.graphs[0] is not None else told[0],
            part.graphs[1] if part.graphs[1] is not None else told[1],
        )
        found.append(
            PicturePart(
                heading,
                tuple(drawing.picture(span) for span in part.shown),
                tuple(drawing.picture(span) for span in part.folded),
                part.label,
            )
        )
    return found


def _heading(part: Part, told: tuple[int | None, int | None], graphs: tuple[int, ...]) -> tuple[str, str]:
    """``graph 3 of 12`` where a run begins with another graph."""
    before, now = (
        f"graph {number + 1} of {count}" if number not in (None, last) and number is not None else ""
        for number, last, count in zip(part.graphs, told, graphs, strict=True)
    )
    return before, now


class _Drawing:
    def __init__(self, nodes: Sequence[UnionNode]) -> None:
        self.nodes = nodes
        self.consumers: list[list[int]] = [[] for _ in nodes]
        for position, node in enumerate(nodes):
            for source, _ in node.inputs:
                self.consumers[source].append(position)
        self.layouts: dict[object, Layout] = {}
        self.places: dict[Location, str] = {}

    def picture(self, span: Span) -> Picture:
        """One stretch of the union, drawn once for each run."""
        boxes = self._boxes(span)
        position = {box.node: number for number, box in enumerate(boxes)}
        edges: dict[Edge, Side] = {}
        for number, box in enumerate(boxes):
            if not box.is_port:
                for source, side in self.nodes[box.node].inputs:
                    if source in position and position[source] < number:
                        edges[position[source], number] = side
        layout = self._layout(tuple(box.width for box in boxes), tuple(edges))
        first, last = (Markup("{:,}").format(each) for each in (span[0] + 1, span[1]))
        return Picture(*(_svg(boxes, edges, layout, side, first, last) for side in (Side.PROFILE, Side.SERVING)))

    def _layout(self, widths: tuple[float, ...], edges: tuple[Edge, ...]) -> Layout:
        """Equal layers are laid out once."""
        key = (widths, edges)
        if key not in self.layouts:
            self.layouts[key] = centred(layered(widths, edges, MOST_WIDTH), MOST_WIDTH)
        return self.layouts[key]

    def _boxes(self, span: Span) -> list[_Box]:
        """Ports for what comes from elsewhere, then the nodes; weights are written into the node that uses them."""
        attached: dict[int, list[str]] = {}
        for position in range(*span):
            if self._is_attached(position, span):
                attached.setdefault(self.consumers[position][0], []).append(self.nodes[position].step.node.name)
        ports: dict[int, set[Side]] = {}
        inner = []
        for position in range(*span):
            if self._is_attached(position, span):
                continue
            inner.append(self._box(position, attached.get(position, ()), span))
            for source, side in self.nodes[position].inputs:
                if source < span[0] and not _is_size(self.nodes[source]):
                    ports.setdefault(source, set()).add(side)
        return [*(self._port(source, sides) for source, sides in ports.items()), *inner]

    def _is_attached(self, position: int, span: Span) -> bool:
        """Is it a weight that one node of the stretch uses, in the same runs?"""
        node, users = self.nodes[position], self.consumers[position]
        kind = node.step.node.kind
        own = kind is NodeKind.CONSTANT or (kind is NodeKind.INPUT and node.step.node.name.startswith("self"))
        return own and len(users) == 1 and span[0] <= users[0] < span[1] and self.nodes[users[0]].side is node.side

    def _box(self, position: int, weights: Sequence[str], span: Span) -> _Box:
        node = self.nodes[position]
        kind = node.step.node.kind
        name = _MARKS[node.side] + _label(node, _MOST_LETTERS)
        owner = _owner(weights)
        return _Box(
            node=position,
            name=name,
            owner=owner,
            title=self._title(node),
            side=node.side,
            kind=str(kind),
            width=_width(name, owner),
            goes_on=any(user >= span[1] for user in self.consumers[position]),
        )

    def _port(self, source: int, sides: set[Side]) -> _Box:
        node = self.nodes[source]
        side = sides.pop() if len(sides) == 1 else Side.BOTH
        name = _label(node, _MOST_OWNER_LETTERS)
        title = f"from above: {self._title(node)}"
        return _Box(source, name, "", title, side, "port", _width(name, ""), is_port=True)

    def _title(self, node: UnionNode) -> str:
        """What it is, what it takes, and its line: shown on hover, and searched."""
        lines = [f"{flat(node.step.node.name, 200) or node.step.node.kind}  {flat(node.step.node.value, 80)}".rstrip()]
        if node.side is not Side.BOTH:
            lines[0] += f" (only at {node.side})"
        names = [flat(self.nodes[source].step.node.name, 80) for source, _ in node.inputs]
        if names:
            more = f" and {len(names) - _MOST_INPUTS} more" if len(names) > _MOST_INPUTS else ""
            lines.append(f"takes {', '.join(names[:_MOST_INPUTS])}{more}")
        if node.step.place is not None:
            lines.append(self._place(node.step.place))
        return "\n".join(lines)

    def _place(self, place: Location) -> str:
        if place not in self.places:
            self.places[place] = f"{flat(place.path, 200)}:{place.line} {flat(place.text or '', 160)}".rstrip()
        return self.places[place]


@dataclass(frozen=True, slots=True)
class _Box:
    node: int
    name: str
    owner: str
    title: str
    side: Side
    kind: str
    width: float
    goes_on: bool = False
    is_port: bool = False


def _width(name: str, owner: str) -> float:
    letters = len(name) + (len(owner) + 1 if owner else 0)
    return round(letters * _LETTER + 2 * _PADDING, 1)


def _owner(weights: Sequence[str]) -> str:
    """``layers[0].qkv`` of ``self.layers[0].qkv.weight`` and ``self.layers[0].qkv.bias``."""
    if not weights:
        return ""
    owners = dict.fromkeys(name.removeprefix("self.").rpartition(".")[0] or name for name in weights)
    return _ending(flat(next(iter(owners)), 200), _MOST_OWNER_LETTERS)


def _label(node: UnionNode, letters: int) -> str:
    """The name of an operator from its start, the path of an input to its end."""
    name = flat(node.step.node.name, 200)
    if node.step.node.kind is NodeKind.CALL:
        return cropped(name, letters)
    return _ending(name, letters) or str(node.step.node.kind)


def _ending(path: str, letters: int) -> str:
    return path if len(path) <= letters else f"…{path[1 - letters :]}"


def _is_size(node: UnionNode) -> bool:
    """A size that is passed along with a tensor: edges from it would hide all others."""
    return node.step.node.kind is NodeKind.INPUT and not node.step.node.value


# --- SVG -----------------------------------------------------------------------------------------------


def _svg(
    boxes: Sequence[_Box], edges: dict[Edge, Side], layout: Layout, run: Side, first: Markup, last: Markup
) -> Markup:
    width = round(layout.width + 2 * _MARGIN)
    height = layout.layers * _PITCH - (_PITCH - _HEIGHT) + 2 * _MARGIN
    shapes = [*_edges(edges, layout, boxes, run), *_nodes(boxes, layout, run)]
    return Markup(
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{run}, nodes {first} to {last}">{"".join(shapes)}</svg>'
    )


def _edges(edges: dict[Edge, Side], layout: Layout, boxes: Sequence[_Box], run: Side) -> Iterator[str]:
    """Curves that leave a node downwards and arrive from above."""
    for (start, stop), side in edges.items():
        if side not in (Side.BOTH, run):
            continue
        xs = [_middle(layout, boxes, start), *layout.routes[start, stop], _middle(layout, boxes, stop)]
        y = _top(layout.layer[start]) + _HEIGHT
        path = [f"M{xs[0]:.0f} {y}"]
        for x_from, x_to in pairwise(xs):
            bottom = y + _PITCH - _HEIGHT
            middle = (y + bottom) // 2
            straight = abs(x_from - x_to) < 0.5
            path.append(f"V{bottom}" if straight else f"C{x_from:.0f} {middle} {x_to:.0f} {middle} {x_to:.0f} {bottom}")
            y = bottom
            if x_to is not xs[-1]:
                y += _HEIGHT
                path.append(f"V{y}")
        kind = "" if side is Side.BOTH else f' class="{side}"'
        yield f'<path d="{"".join(path)}"{kind} data-from="{boxes[start].node}" data-to="{boxes[stop].node}"/>'


def _nodes(boxes: Sequence[_Box], layout: Layout, run: Side) -> Iterator[str]:
    for number, box in enumerate(boxes):
        x, y = f"{layout.left[number] + _MARGIN:.0f}", _top(layout.layer[number])
        if box.side not in (Side.BOTH, run):
            if not box.is_port:
                yield f'<rect class="gap" x="{x}" y="{y}" width="{box.width}" height="{_HEIGHT}" rx="4"/>'
            continue
        side = "" if box.side is Side.BOTH else f" {box.side}"
        owner = f" <tspan>{escape(box.owner)}</tspan>" if box.owner else ""
        going_on = f'<path d="M{box.width / 2:.0f} {_HEIGHT}v7"/>' if box.goes_on else ""
        yield (
            f'<g class="{box.kind}{side}" data-node="{box.node}" transform="translate({x} {y})">'
            f"<title>{escape(box.title)}</title>"
            f'<rect width="{box.width}" height="{_HEIGHT}" rx="4"/>'
            f'<text x="{_PADDING}" y="15">{escape(box.name)}{owner}</text>{going_on}</g>'
        )


def _middle(layout: Layout, boxes: Sequence[_Box], number: int) -> float:
    return layout.left[number] + boxes[number].width / 2 + _MARGIN


def _top(layer: int) -> int:
    return _MARGIN + layer * _PITCH
