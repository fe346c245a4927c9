"""What is drawn of a stretch of two graphs: a box for each node, with label, colour and what is said on hover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steadygraph.model import Location, NodeKind
from steadygraph.report.html.picture.assertions import assertions
from steadygraph.report.html.picture.graph_layout import Edge
from steadygraph.report.html.picture.graph_parts import Span
from steadygraph.report.html.picture.graph_union import Side, UnionNode
from steadygraph.report.text.layout import cropped, flat

#: In pixels; letters are those of a monospaced font of 11 pixels.
LETTER, PADDING = 6.65, 8
_MOST_LETTERS, _MOST_OWNER_LETTERS = 28, 22
_MOST_INPUTS = 6
#: Colour alone tells nothing to those who do not see it.
_MARKS = {Side.BOTH: "", Side.PROFILE: "- ", Side.SERVING: "+ "}
_CHANGED = "~ "


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or a port: the name of something that comes from another stretch.

    Args:
        node: Its position in the union.
        name: The operator, or the path of an input.
        owner: The module whose weights it uses.
        title: What is said on hover.
        side: Which run has it.
        looks: Words that decide how it looks.
        goes_on: Does another stretch use it?
        is_port: Is it a port?
    """

    node: int
    name: str
    owner: str
    title: str
    side: Side
    looks: str
    goes_on: bool = False
    is_port: bool = False

    @property
    def width(self) -> float:
        letters = len(self.name) + (len(self.owner) + 1 if self.owner else 0)
        return round(letters * LETTER + 2 * PADDING, 1)


class Boxes:
    """The boxes of a union."""

    def __init__(self, nodes: Sequence[UnionNode]) -> None:
        self.nodes = nodes
        self.users: list[list[int]] = [[] for _ in nodes]
        for position, node in enumerate(nodes):
            for source, _ in node.inputs:
                self.users[source].append(position)
        self.assertions = assertions(nodes)
        self.places: dict[Location, str] = {}

    def of(self, span: Span) -> list[Box]:
        """Ports for what comes from elsewhere, then the nodes; weights are written into the node that uses them."""
        weights: dict[int, list[str]] = {}
        ports: dict[int, set[Side]] = {}
        drawn = []
        for position in range(*span):
            if self._is_weight(position, span):
                weights.setdefault(self.users[position][0], []).append(self.nodes[position].step.node.name)
                continue
            drawn.append(position)
            for source, side in self.nodes[position].inputs:
                if source < span[0] and not _is_size(self.nodes[source]):
                    ports.setdefault(source, set()).add(side)
        boxes = [self._port(source, sides) for source, sides in ports.items()]
        return boxes + [self._box(position, weights.get(position, ()), span) for position in drawn]

    def edges(self, boxes: Sequence[Box]) -> dict[Edge, Side]:
        """(from, to) positions among these boxes, and which run has the edge."""
        position = {box.node: number for number, box in enumerate(boxes)}
        return {
            (position[source], number): side
            for number, box in enumerate(boxes)
            if not box.is_port
            for source, side in self.nodes[box.node].inputs
            if source in position
        }

    def _is_weight(self, position: int, span: Span) -> bool:
        """Is it one of the model's tensors that a single node uses, here and in the same runs?"""
        node, users = self.nodes[position], self.users[position]
        kind = node.step.node.kind
        own = kind is NodeKind.CONSTANT or (kind is NodeKind.INPUT and node.step.node.name.startswith("self"))
        if not own or len(users) != 1 or node.is_changed:
            return False
        return span[0] <= users[0] < span[1] and self.nodes[users[0]].side is node.side

    def _box(self, position: int, weights: Sequence[str], span: Span) -> Box:
        node = self.nodes[position]
        return Box(
            node=position,
            name=(_CHANGED if node.is_changed else _MARKS[node.side]) + _label(node, _MOST_LETTERS),
            owner=_owner(weights),
            title=self._title(node),
            side=node.side,
            looks=" ".join([str(node.step.node.kind), *_looks(node.side), *self._remarks(position)]),
            goes_on=any(user >= span[1] for user in self.users[position]),
        )

    def _remarks(self, position: int) -> list[str]:
        changed = ["changed"] if self.nodes[position].is_changed else []
        return [*changed, *(["check"] if position in self.assertions else [])]

    def _port(self, source: int, sides: set[Side]) -> Box:
        node = self.nodes[source]
        side = next(iter(sides)) if len(sides) == 1 else Side.BOTH
        title = f"from above: {self._title(node)}"
        looks = " ".join(["port", *_looks(side)])
        return Box(source, _label(node, _MOST_OWNER_LETTERS), "", title, side, looks, is_port=True)

    def _title(self, node: UnionNode) -> str:
        """What it is, what it takes, and its line: shown on hover, and searched."""
        lines = [f"{_name(node, 200)}  {_value(node)}".rstrip()]
        names = [_name(self.nodes[source], 80) for source, _ in node.inputs]
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


def _looks(side: Side) -> list[str]:
    return [] if side is Side.BOTH else [str(side)]


def _value(node: UnionNode) -> str:
    """``float32[s0, 64]``; ``float32[s0] at profile, float16[s0] at serving``; ``float32[s0] (only at serving)``."""
    if node.is_changed:
        return f"{flat(node.value_at_profile, 80)} at profile, {flat(node.step.node.value, 80)} at serving"
    only = "" if node.side is Side.BOTH else f"(only at {node.side})"
    return f"{flat(node.step.node.value, 80)} {only}".strip()


def _owner(weights: Sequence[str]) -> str:
    """``layers[0].qkv`` of ``self.layers[0].qkv.weight`` and ``self.layers[0].qkv.bias``."""
    if not weights:
        return ""
    first = flat(weights[0].removeprefix("self."), 200)
    return _ending(first.rpartition(".")[0] or first, _MOST_OWNER_LETTERS)


def _name(node: UnionNode, letters: int) -> str:
    """Outputs have no name of their own."""
    return flat(node.step.node.name, letters) or str(node.step.node.kind)


def _label(node: UnionNode, letters: int) -> str:
    """The name of an operator from its start, the path of an input to its end."""
    name = _name(node, 200)
    return cropped(name, letters) if node.step.node.kind is NodeKind.CALL else _ending(name, letters)


def _ending(path: str, letters: int) -> str:
    return path if len(path) <= letters else f"…{path[1 - letters :]}"


def _is_size(node: UnionNode) -> bool:
    """A size that is passed along with a tensor: edges from it would hide all others."""
    return node.step.node.kind is NodeKind.INPUT and not node.step.node.value
