"""AOTAutograd without kernels, and which graphs it may turn into something else than Dynamo handed over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence, Set
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

    It writes to memory that it did not make, looks at memory past its views, returns views of its inputs, or sets
    autocast.
    """
    graph = traced_graph(module)
    return any(_may_differ(each) for each in (graph, *_bodies(graph))) or _returns_view(graph)


def _bodies(graph: TracedGraph) -> Iterator[TracedGraph]:
    for body in graph.bodies:
        yield body
        yield from _bodies(body)


def _may_differ(graph: TracedGraph) -> bool:
    given = _given(graph)
    return any(_is_made_functional(node, given) for node in graph.nodes)


def _is_made_functional(node: TracedNode, given: Set[int]) -> bool:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    if name == _AUTOCAST:
        return any(one is True for one in (*node.args[2:3], node.kwargs.get("enabled")))
    return name in _LOOKS_BELOW or (writes(node) and _reaches(node, given))


def _reaches(node: TracedNode, given: Set[int]) -> bool:
    """Does a node that writes do so in memory that was given to the graph, as far as is known?"""
    places = [set(_storage(each)) for each in _written(node)]
    return not places or any(not place or place & given for place in places)


def _written(node: TracedNode) -> Sequence[TracedNode]:
    """Methods, ``x += y``, ``x[0] = y`` and ``inplace=True`` mean the first argument; others may write to any."""
    home = getattr(node.target, "__module__", None)
    if isinstance(node.target, str) or home == "_operator" or node.kwargs.get("inplace") is True:
        return [each for each in node.args[:1] if isinstance(each, TracedNode)]
    return node.inputs


def _returns_view(graph: TracedGraph) -> bool:
    given = _given(graph)
    returned = [one for node in graph.nodes if node.op == "output" for one in node.inputs if one.op != "placeholder"]
    return any(place in given for node in returned for place in _storage(node))


def _given(graph: TracedGraph) -> Set[int]:
    """The memory of inputs, and of tensors that the module holds."""
    return {place for node in graph.nodes if node.op in {"placeholder", "get_attr"} for place in _storage(node)}


def _storage(node: TracedNode) -> Iterator[int]:
    """Of the tensor that a node gives, if it is an ordinary one; within ``torch.vmap`` a tensor shows none."""
    tensor = node.example
    if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided and not tensor.is_nested:
        with contextlib.suppress(NotImplementedError):
            yield storage_id(tensor)
