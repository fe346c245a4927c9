"""FX graphs that Dynamo has traced, as values of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node
from torch.fx.node import map_arg

_MEMBERS = {
    "torch._dynamo.variables.builder.GraphArg": "source",
    "torch._guards.Source": "name",
}


@dataclass(frozen=True, slots=True, eq=False)
class TracedNode:
    """One node of a graph.

    ``op`` is FX's word for what it does: placeholder, get_attr, call_function, call_method, call_module, output.
    ``target`` is the function, or the name of the method or attribute; ``args`` and ``kwargs`` hold other nodes, in
    containers too.
    """

    op: str
    name: str
    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    #: The nodes in its arguments, each once.
    inputs: tuple[TracedNode, ...]
    #: What it gives: a tensor without values, a symbol; None if that was not noted.
    example: object
    #: The user's lines that were traced, as a traceback is printed; may be empty.
    trace: str
    #: What a get_attr gives: the graph that a higher-order operator runs, or a tensor.
    attribute: Any
    users: list[TracedNode] = field(default_factory=list)

    @property
    def body(self) -> TracedGraph | None:
        """The graph that a get_attr hands over, if it is one."""
        return self.attribute if isinstance(self.attribute, TracedGraph) else None


@dataclass(frozen=True, slots=True, eq=False)
class TracedGraph:
    """All nodes in order, and the graphs that higher-order operators run."""

    nodes: tuple[TracedNode, ...]
    bodies: tuple[TracedGraph, ...]


def traced_graph(module: GraphModule) -> TracedGraph:
    """What a graph module computes, as it is now."""
    return _graph(module, {})


def dtypes(module: GraphModule) -> set[torch.dtype]:
    """Those of all tensors in a graph, and in the graphs that it runs."""
    modules = [each for each in module.modules() if isinstance(each, GraphModule)]
    values = [node.meta.get("example_value") for each in modules for node in each.graph.nodes]
    return {value.dtype for value in values if isinstance(value, torch.Tensor)}


def _graph(module: GraphModule, known: dict[GraphModule, TracedGraph]) -> TracedGraph:
    if module not in known:
        bodies = tuple(_graph(child, known) for child in module.children() if isinstance(child, GraphModule))
        known[module] = TracedGraph(tuple(_nodes(module, known)), bodies)
    return known[module]


def _nodes(module: GraphModule, graphs: dict[GraphModule, TracedGraph]) -> Iterator[TracedNode]:
    made: dict[Node, Any] = {}
    for node in module.graph.nodes:
        found = _attribute(module, str(node.target)) if node.op == "get_attr" else None
        made[node] = TracedNode(
            op=node.op,
            name=node.name,
            target=node.target,
            args=map_arg(node.args, made.__getitem__),
            kwargs=map_arg(node.kwargs, made.__getitem__),
            inputs=tuple(made[used] for used in node.all_input_nodes),
            example=node.meta.get("example_value"),
            trace=node.meta.get("stack_trace") or "",
            attribute=_graph(found, graphs) if isinstance(found, GraphModule) else found,
        )
        for used in made[node].inputs:
            used.users.append(made[node])
        yield made[node]


def _attribute(module: GraphModule, path: str) -> object:
    found: object = module
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def input_sources(module: GraphModule) -> dict[str, str]:
    """Placeholder -> where Dynamo takes its value from (``L['x']``); it forgets that after the compilation."""
    arguments = {node.name: node.meta.get("grapharg") for node in module.graph.nodes if node.op == "placeholder"}
    return {name: str(argument.source.name) for name, argument in arguments.items() if argument is not None}


def copied(module: GraphModule) -> GraphModule:
    """The same graph, with nodes of its own and what was noted of them: back ends work on the one they are given."""
    graph = Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    return GraphModule(module, graph)
