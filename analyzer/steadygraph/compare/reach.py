"""Which outputs of a serving call's graph depend on what the profile graph lacks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from steadygraph.compare.numbering import Numbering
from steadygraph.model import Graph, GraphOutput, NodeKind, Reach, digraph

if TYPE_CHECKING:
    import networkx as nx


#: In the sources of a module's weights.
_PARAMETER = "._parameters["


def reach(profile: Graph, serving: Graph) -> Reach | None:
    """What ``serving`` returns that ``profile``, given the same inputs, would not; None if that is not known.

    That is what depends on an operator, a constant or an input that the profile graph lacks, and what the profile
    graph returns in another place.
    """
    if not (_is_known(profile) and _is_known(serving)):
        return None
    graph = _dependencies(serving)
    outputs = [node for node in graph if isinstance(node, tuple)]
    reached = _reached(graph, _lacking(_dependencies(profile), graph))
    found = [GraphOutput(node[1], graph.nodes[node]["value"]) for node in outputs if node in reached]
    return Reach(len(outputs), tuple(found))


def recomputes(profile: Graph, serving: Graph) -> bool:
    """Does ``profile`` compute all that ``serving`` returns, given the same inputs?

    Then it does more than is needed, and nothing else: what the serving graph gets as an input it makes anew, from
    nothing that changes between calls, as it did in the profile call.
    """
    if not (_is_known(profile) and _is_known(serving)):
        return False
    one, other = _dependencies(profile), _dependencies(serving)
    numbering = Numbering()
    numbers = _numbers(one, numbering)
    known: dict[Hashable, int] = {position: numbers[made] for position, made in _made_again(profile, serving, one)}
    there, here = _returned(one, numbers), _returned(other, _numbers(other, numbering, known))
    # What the profile graph stores, it returns besides.
    return here == there if len(here) == len(there) else _is_within(here, there)


def _made_again(profile: Graph, serving: Graph, graph: nx.DiGraph) -> Iterator[tuple[int, Hashable]]:
    """(input of the serving graph, node of the profile graph that makes the same tensor in any call)."""
    import networkx as nx

    made = {one.name: one.made_at_profile for one in serving.inputs}
    returned = [next(iter(graph.pred[node])) for node in graph if isinstance(node, tuple)]
    changing = _changing(profile, graph)
    for position, node in enumerate(serving.nodes):
        output = made.get(node.name) if node.kind is NodeKind.INPUT else None
        if output is not None and output < len(returned):
            source = returned[output]
            if changing.isdisjoint({source, *nx.ancestors(graph, source)}):
                yield position, source


def _changing(profile: Graph, graph: nx.DiGraph) -> set[Hashable]:
    """Nodes that may give something else in the next call: inputs that are no parameters, and what has effects."""
    parameters = {one.name for one in profile.inputs if _PARAMETER in one.source}
    return {
        node
        for node, about in graph.nodes.items()
        if about["has_effect"] or (about["kind"] is NodeKind.INPUT and about["name"] not in parameters)
    }


def _returned(graph: nx.DiGraph, numbers: Mapping[Hashable, int]) -> list[int]:
    """The numbers of what the graph returns, in order."""
    return [numbers[next(iter(graph.pred[node]))] for node in graph if isinstance(node, tuple)]


def _is_within(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Are these all in there, in the same order?"""
    rest = iter(whole)
    return all(number in rest for number in part)


def _is_known(graph: Graph) -> bool:
    """Has it one list of outputs, and nodes that tell their constants?"""
    kinds = [node.kind for node in graph.nodes]
    return kinds[-1:] == [NodeKind.OUTPUT] == [k for k in kinds if k is NodeKind.OUTPUT] and all(
        node.digest for node in graph.nodes
    )


def _dependencies(graph: Graph) -> nx.DiGraph:
    """What depends on what: also on an effect that comes before, and each output by itself, as (end, position)."""
    found = digraph(graph)
    end = len(graph.nodes) - 1
    for position, source in enumerate(found.pred[end]):
        about = {"kind": NodeKind.OUTPUT, "digest": f"output {position}", "bodies": (), "has_effect": False}
        found.add_node((end, position), **(found.nodes[source] | about))
        found.add_edge(source, (end, position))
    found.remove_node(end)
    effect = None
    for node, about in found.nodes.items():
        if effect is not None and about["kind"] is not NodeKind.INPUT:
            found.add_edge(effect, node)
        if about["has_effect"]:
            effect = node
    return found


def _lacking(profile: nx.DiGraph, serving: nx.DiGraph) -> set[Hashable]:
    """The first nodes of ``serving`` that nothing in ``profile`` equals: it has all that leads to them."""
    numbering = Numbering()
    _numbers(profile, numbering)
    known = len(numbering)
    numbers = _numbers(serving, numbering)
    unknown = {node for node, number in numbers.items() if number >= known}
    return {node for node in unknown if unknown.isdisjoint(serving.pred[node])}


def _numbers(
    graph: nx.DiGraph, numbering: Numbering, known: Mapping[Hashable, int] | None = None
) -> dict[Hashable, int]:
    return numbering.of(graph, lambda node: _work(graph.nodes[node]), graph.pred.__getitem__, known)


def _work(about: Mapping[str, Any]) -> Hashable:
    # Tensors that a graph holds are told from one another by their names alone.
    name = about["name"] if about["kind"] is NodeKind.CONSTANT else ""
    return about["digest"], name, *(body.graph["digest"] for body in about["bodies"])


def _reached(graph: nx.DiGraph, lacking: set[Hashable]) -> set[Hashable]:
    """These nodes and their descendants; of each alone it would take a thousand times as long."""
    import networkx as nx

    return set(chain.from_iterable(nx.bfs_layers(graph, lacking)))
