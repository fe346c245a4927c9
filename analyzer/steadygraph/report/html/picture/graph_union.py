"""Two runs' graphs as one: what both have is one node, so that their pictures can stand side by side.

Nodes are matched by what they compute (everything that leads to them), what is left between these by operator and
line of source, and the rest by operator.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from steadygraph.compare.numbering import Numbering
from steadygraph.model import Graph, GraphBody, GraphNode, Location, NodeKind
from steadygraph.report.html.picture.alignment import Pair, aligned, aligned_in_gaps

#: Beyond so many steps, higher-order operators keep what they run to themselves.
_MOST_STEPS = 20_000
_SYMBOL = re.compile(r"\b[su]\d+\b")


class Side(enum.StrEnum):
    """Which run has something."""

    BOTH = "both"
    PROFILE = "profile"
    SERVING = "serving"


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a run, which may consist of several graphs.

    Args:
        node: What it is.
        inputs: Positions of other steps of the run.
        place: The line that it comes from.
        graph: Position of its graph in the run.
    """

    node: GraphNode
    inputs: tuple[int, ...]
    place: Location | None
    graph: int


@dataclass(frozen=True, slots=True)
class UnionNode:
    """A node of one run or of both.

    Args:
        step: As the serving run has it, if it does.
        side: Which run has it.
        inputs: Positions of other nodes of the union, each with the run that has this edge.
        graphs: Position of its graph in the profile run and in the serving run.
        value_at_profile: Its dtype and shape there, if both runs have it.
        is_changed: Both have it, with another dtype, rank or fixed size, and what it takes is not changed already.
    """

    step: Step
    side: Side
    inputs: tuple[tuple[int, Side], ...]
    graphs: tuple[int | None, int | None]
    value_at_profile: str = ""
    is_changed: bool = False

    @property
    def is_news(self) -> bool:
        """Is it in one run only, or changed?"""
        return self.side is not Side.BOTH or self.is_changed

    @property
    def differs(self) -> bool:
        """Is it, or what it takes, not the same in both runs?"""
        return self.is_news or any(side is not Side.BOTH for _, side in self.inputs)

    @property
    def has_other_value(self) -> bool:
        return self.side is Side.BOTH and _kind(self.value_at_profile) != _kind(self.step.node.value)


def run_of(graphs: Iterable[Graph]) -> list[Step]:
    """The nodes of all these graphs; inputs stand right before what uses them first.

    Dynamo lists all inputs first.  Moved, the steps of equal layers follow one another in an equal order.  What a
    higher-order operator runs stands in front of it, and is among its inputs.
    """
    steps: list[Step] = []
    for number, graph in enumerate(graphs):
        _add(steps, graph, {body.digest: body for body in graph.bodies}, number)
    return steps


def _add(
    steps: list[Step],
    graph: Graph | GraphBody,
    bodies: Mapping[str, GraphBody],
    number: int,
    inside: tuple[str, ...] = (),
) -> None:
    places: dict[int, int] = {}
    for position in _by_use(graph.nodes):
        node = graph.nodes[position]
        ends = []
        for digest in node.bodies:
            # A report can come from anywhere: a body may hold itself, or others without end.
            if digest in bodies and digest not in inside and len(steps) < _MOST_STEPS and bodies[digest].nodes:
                _add(steps, bodies[digest], bodies, number, (*inside, digest))
                ends.append(len(steps) - 1)
        inputs = (*(places[each] for each in node.inputs if each in places), *ends)
        places[position] = len(steps)
        steps.append(Step(node, inputs, _place(graph, node.line), number))


def _place(graph: Graph | GraphBody, line: int | None) -> Location | None:
    return graph.lines[line] if line is not None and 0 <= line < len(graph.lines) else None


def _by_use(nodes: Sequence[GraphNode]) -> Iterator[int]:
    done = [False] * len(nodes)
    for position, node in enumerate(nodes):
        if node.kind in (NodeKind.INPUT, NodeKind.CONSTANT):
            continue
        for each in (*node.inputs, position):
            # A report can come from anywhere: an input that is no earlier node is left out.
            if 0 <= each <= position and not done[each]:
                done[each] = True
                yield each
    yield from (position for position, known in enumerate(done) if not known)


def union(profile: Sequence[Step], serving: Sequence[Step]) -> list[UnionNode]:
    """All nodes of both runs, each after its inputs."""
    nodes: list[UnionNode] = []
    before: dict[int, int] = {}
    now: dict[int, int] = {}
    for i, j in _merged(matched(profile, serving), len(profile), len(serving)):
        edges: dict[int, Side] = {}
        if i is not None:
            before[i] = len(nodes)
            edges = {before[each]: Side.PROFILE for each in profile[i].inputs}
        if j is not None:
            now[j] = len(nodes)
            own = [now[each] for each in serving[j].inputs]
            edges |= {each: Side.BOTH if each in edges else Side.SERVING for each in own}
        node = _node(None if i is None else profile[i], None if j is None else serving[j], edges)
        origin = node.has_other_value and not any(nodes[each].has_other_value for each in edges)
        nodes.append(replace(node, is_changed=True) if origin else node)
    return nodes


def matched(profile: Sequence[Step], serving: Sequence[Step]) -> list[Pair]:
    """Positions of steps that are the same in both runs."""
    numbering = Numbering()
    pairs = aligned(_computed(profile, numbering), _computed(serving, numbering))
    for token in (_operator_and_line, _weight_and_line, _operator):
        pairs = aligned_in_gaps(pairs, [token(step) for step in profile], [token(step) for step in serving])
    return pairs


def _computed(run: Sequence[Step], numbering: Numbering) -> list[int]:
    numbers = numbering.of(range(len(run)), lambda n: _operator(run[n]), lambda n: run[n].inputs)
    return list(numbers.values())


def _operator(step: Step) -> Hashable:
    return (step.node.kind, step.node.name, step.node.bodies)


def _operator_and_line(step: Step) -> Hashable:
    return (_operator(step), step.place and (step.place.path, step.place.line))


def _weight_and_line(step: Step) -> Hashable:
    """A frame that goes on after a graph break, or is compiled on its own, calls the same weight by another path."""
    node = step.node
    if node.kind is NodeKind.INPUT and node.name.startswith("self."):
        return (node.kind, node.name.rpartition(".")[2], step.place and (step.place.path, step.place.line))
    return _operator_and_line(step)


def _merged(pairs: Sequence[Pair], before: int, now: int) -> Iterator[tuple[int | None, int | None]]:
    i = j = 0
    for next_i, next_j in [*pairs, (before, now)]:
        yield from ((each, None) for each in range(i, next_i))
        yield from ((None, each) for each in range(j, next_j))
        if next_i < before:
            yield next_i, next_j
        i, j = next_i + 1, next_j + 1


def _node(profile: Step | None, serving: Step | None, edges: dict[int, Side]) -> UnionNode:
    step = serving or profile
    assert step is not None, "a node is in one run at least"
    side = Side.PROFILE if serving is None else Side.SERVING if profile is None else Side.BOTH
    graphs = (None if profile is None else profile.graph, None if serving is None else serving.graph)
    value = profile.node.value if profile is not None and side is Side.BOTH else ""
    return UnionNode(step, side, tuple(edges.items()), graphs, value)


def _kind(value: str) -> str:
    """The value without the names of symbols, which say nothing."""
    return _SYMBOL.sub("s", value)
