"""AOTAutograd without kernels, and which graphs it may turn into something else than Dynamo handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from steadygraph.torch_private.effects import writes
from steadygraph.torch_private.graphs import TracedGraph, TracedNode, traced_graph
from steadygraph.torch_private.required import require
from steadygraph.torch_private.tensors import storage_id

#: Beside what writes: a view that its base does not tell of, and a setting that is traced away.
_LOOKS_BELOW = frozenset({"as_strided"})
_AUTOCAST = "_enter_autocast"


def aot_eager() -> Callable[..., Any]:
    """The back end ``aot_eager``: graphs are made functional, and derived, as for inductor, and run by eager kernels.

    Raises:
        TorchSupportError: The installed torch lacks what is needed.
    """
    require("aot")
    from torch._dynamo.backends.registry import lookup_backend

    backend: Callable[..., Any] = lookup_backend("aot_eager")
    return backend


def may_differ_below(module: torch.fx.GraphModule) -> bool:
    """May this graph, still as Dynamo hands it over, compute something else once AOTAutograd has made it functional?

    It writes to memory, looks at memory past its views, returns views of its inputs, or sets autocast.
    """
    graph = traced_graph(module)
    return any(_is_made_functional(node) for node in _nodes(graph)) or _returns_view(graph)


def _nodes(graph: TracedGraph) -> Iterator[TracedNode]:
    yield from graph.nodes
    for body in graph.bodies:
        yield from _nodes(body)


def _is_made_functional(node: TracedNode) -> bool:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    if name == _AUTOCAST:
        return any(one is True for one in (*node.args[2:3], node.kwargs.get("enabled")))
    return name in _LOOKS_BELOW or writes(node)


def _returns_view(graph: TracedGraph) -> bool:
    given = {place for node in graph.nodes if node.op == "placeholder" for place in _storage(node)}
    returned = [one for node in graph.nodes if node.op == "output" for one in node.inputs if one.op != "placeholder"]
    return any(place in given for node in returned for place in _storage(node))


def _storage(node: TracedNode) -> Iterator[int]:
    """Of the tensor that a node gives, if it is an ordinary one."""
    tensor = node.example
    if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided and not tensor.is_nested:
        yield storage_id(tensor)
