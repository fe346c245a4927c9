"""Captured FX graphs as values: digest, operator counts, inputs.

The digest is steadygraph's own (hash functions of graph libraries change between releases).  It depends on the
operators, on how they are wired, on constants, and on dtype, device and rank of the inputs; it does not depend on
names of nodes or symbols, on sizes of inputs, or on whether a size is a symbol that no operator uses.
"""

from __future__ import annotations

import hashlib
import operator
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from steadygraph.model import Graph, GraphBody, GraphInput, Location, TensorSpec
from steadygraph.observe.graphs import decompilation, graph_nodes
from steadygraph.observe.guards.sources import Names
from steadygraph.observe.inputs import structure
from steadygraph.observe.places import locations
from steadygraph.torch_private import TracedGraph, TracedNode, asserts_size, traced_graph
from steadygraph.torch_private.entries import CapturedGraph

#: Part of every digest: raise it when the recipe changes, so that stored digests are not compared with new ones.
RECIPE = 2

#: Bookkeeping that Dynamo adds, not work of the model.
_UNCOUNTED = frozenset({operator.getitem})


def capture(graph: CapturedGraph, names: Names, *, readable: bool = True) -> Graph:
    """The value of one captured graph; inputs are named as the user names them.

    Args:
        graph: It was captured while a frame was compiled.
        names: How the frame's parameters are called.
        readable: Show what became of the frame's bytecode as Python.
    """
    entry = graph.entry
    assert entry is not None, "a graph is captured while a frame is compiled"
    traced = traced_graph(graph.module)
    bodies = {one.digest: one for one in map(_body, graph_nodes.bodies(traced))}
    own = node_digests(traced, graph.sources)
    nodes, lines = graph_nodes.nodes(traced, lambda node: _name(node, graph.sources, names), _body_digest, own)
    return Graph(
        digest=digest(traced, graph.sources),
        ops=_counts(traced),
        inputs=tuple(_inputs(traced, graph, names)),
        frame=locations.of_code(entry.code),
        blocking=tuple(dict.fromkeys(_blocking(traced))),
        nodes=nodes,
        lines=lines,
        bodies=tuple(bodies.values()),
        code=decompilation.decompiled(entry.compiled_code) if readable else "",
        effects=tuple(graph_nodes.effects(traced)),
        receiver=names.bound or "self",
    )


def _body(graph: TracedGraph) -> GraphBody:
    """What a higher-order operator runs: its inputs are known by position alone."""
    nodes, lines = graph_nodes.nodes(graph, operator_name, _body_digest, node_digests(graph, {}))
    return GraphBody(_body_digest(graph), nodes, lines)


def _body_digest(graph: TracedGraph) -> str:
    return digest(graph, {})


def _name(node: TracedNode, sources: Mapping[str, str], names: Names) -> str:
    if node.op == "placeholder":
        return names.readable(sources.get(node.name, node.name))
    return operator_name(node)


def operator_name(node: TracedNode) -> str:
    """``add``, ``linear``, ``view``: what the user would call the operator."""
    target = node.target
    if isinstance(target, str):
        return target
    name = getattr(target, "__name__", None) or str(target)
    return str(name).removeprefix("_")


def _work(graph: TracedGraph) -> list[TracedNode]:
    """The nodes without assertions about sizes, and without what only they use."""
    idle: set[TracedNode] = set()
    for node in reversed(graph.nodes):
        only_asserted = _is_arithmetic(node) and node.users and idle.issuperset(node.users)
        if only_asserted or asserts_size(node.target):
            idle.add(node)
    return [node for node in graph.nodes if node not in idle]


def _is_arithmetic(node: TracedNode) -> bool:
    """Is this a computation with sizes?"""
    return node.op == "call_function" and isinstance(node.example, torch.SymInt | torch.SymBool)


def _counts(graph: TracedGraph) -> tuple[tuple[str, int], ...]:
    counted: Counter[str] = Counter()
    for node in _work(graph):
        if node.op in ("call_function", "call_method", "call_module") and node.target not in _UNCOUNTED:
            counted[operator_name(node)] += 1
    for body in graph.bodies:
        counted.update(dict(_counts(body)))
    return tuple(sorted(counted.items()))


def _inputs(traced: TracedGraph, graph: CapturedGraph, names: Names) -> Iterator[GraphInput]:
    for node in traced.nodes:
        if node.op != "placeholder":
            continue
        if isinstance(node.example, torch.SymInt) and not node.users:
            continue
        source = graph.sources.get(node.name, node.name)
        yield GraphInput(names.readable(source), source, _spec(node.example), graph.made_at_profile.get(node.name))


#: Operators of a graph that may make the host wait: whether they did was seen in eager mode, at the same line.
_BLOCKING = frozenset(
    {"item", "tolist", "cpu", "numpy", "nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "equal"}
    | {"bincount", "allclose", "repeat_interleave", "histc", "normal", "where", "one_hot"}
    | {"masked_fill", "masked_fill_", "index_fill", "index_fill_"}
    | {"to", "cuda", "copy_", "tensor", "as_tensor", "asarray", "new_tensor"}
)
_INDEXING = frozenset({"getitem", "setitem", "index_put", "index_put_"})


def _blocking(graph: TracedGraph) -> Iterator[Location]:
    for node in graph.nodes:
        if node.op in ("call_function", "call_method") and _may_block(node):
            where = graph_nodes.line_of(node)
            if where is not None:
                yield where


def _may_block(node: TracedNode) -> bool:
    name = operator_name(node)
    return name in _BLOCKING or name.startswith("linalg_") or (name in _INDEXING and _has_index(node))


def _has_index(node: TracedNode) -> bool:
    """Is there an index that is a tensor, or a list, which becomes one?  Numbers and slices are no data."""
    return any(isinstance(part, list) or _is_tensor(part) for part in _flat(node.args[1:]))


def _is_tensor(part: object) -> bool:
    return isinstance(part, TracedNode) and isinstance(part.example, torch.Tensor)


def _flat(value: Any) -> Iterator[Any]:
    """Members of tuples, and lists as they are."""
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def _spec(example: object) -> TensorSpec | None:
    node = structure.capture(example) if isinstance(example, torch.Tensor) else None
    return getattr(node, "spec", None)


def digest(graph: TracedGraph, sources: Mapping[str, str]) -> str:
    """A digest that is equal for graphs that differ in names of nodes and symbols only.

    Args:
        graph: The graph.
        sources: Placeholder name -> Dynamo's source expression; a placeholder without one counts by its name.
    """
    hasher = hashlib.sha256(f"recipe {RECIPE}".encode())
    for line in _Canonical(graph, sources).lines():
        hasher.update(line.encode("utf-8", "surrogatepass"))
        hasher.update(b"\n")
    return hasher.hexdigest()[:32]


def node_digests(graph: TracedGraph, sources: Mapping[str, str]) -> dict[TracedNode, str]:
    """For each node a digest of what it does with its inputs, whatever those are: it differs with any constant.

    Args:
        graph: The graph.
        sources: As for :func:`digest`.
    """
    canonical = _Canonical(graph, sources)
    texts = {node: canonical.alone(node) for node in graph.nodes if node.body is None}
    return {node: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8] for node, text in texts.items()}


class _Canonical:
    """One graph as text in which every value is named by its position."""

    def __init__(self, graph: TracedGraph, sources: Mapping[str, str]) -> None:
        self.graph = graph
        self.sources = sources
        self.names: dict[TracedNode, str] = {}
        self.symbols: dict[str, str] = {}
        self.count = 0

    def lines(self) -> Iterator[str]:
        for node in _work(self.graph):
            if node.op == "placeholder":
                yield from self._placeholder(node)
                continue
            work = self._call(node)
            yield f"{self._number(node)} = {work}"

    def alone(self, node: TracedNode) -> str:
        """What one node does, its inputs named by their order."""
        if node.op == "placeholder":
            return f"input {self.sources.get(node.name, node.name)} {_kind_of(node.example)}"
        self.names = {used: f"%{number}" for number, used in enumerate(node.inputs)}
        return self._call(node)

    def _call(self, node: TracedNode) -> str:
        arguments = ", ".join(self._argument(a) for a in node.args)
        keywords = ", ".join(f"{k}={self._argument(v)}" for k, v in sorted(node.kwargs.items()))
        return f"{node.op} {self._target(node)}({arguments}; {keywords})"

    def _number(self, node: TracedNode) -> str:
        self.names[node] = f"%{self.count}"
        self.count += 1
        return self.names[node]

    def _placeholder(self, node: TracedNode) -> Iterator[str]:
        source = self.sources.get(node.name, node.name)
        example = node.example
        if isinstance(example, torch.SymInt):
            # Named when used: whether a size is passed along does not change what is computed.
            self.names[node] = f"size {source}"
            self.symbols.setdefault(str(example), self.names[node])
        else:
            yield f"{self._number(node)} = input {source} {_kind_of(example)}"

    def _target(self, node: TracedNode) -> str:
        if node.op != "get_attr":
            return node.target if isinstance(node.target, str) else _qualified(node.target)
        return _kind_of(node.attribute) if node.body is None else _body_digest(node.body)

    def _argument(self, value: Any) -> str:
        if isinstance(value, TracedNode):
            return self.names[value]
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(self._argument(v) for v in value) + "]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k!r}: {self._argument(v)}" for k, v in value.items()) + "}"
        if isinstance(value, slice):
            return "slice" + self._argument([value.start, value.stop, value.step])
        if isinstance(value, torch.SymInt):
            return self.symbols.setdefault(str(value), f"symbol {len(self.symbols)}")
        if isinstance(value, (int, float, str, bytes, complex, type(None))):
            return repr(value)
        if isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
            return str(value)
        return _qualified(value) if callable(value) else type(value).__name__


def _qualified(target: Any) -> str:
    module = getattr(target, "__module__", "") or ""
    return f"{module}.{getattr(target, '__qualname__', None) or target}"


def _kind_of(example: object) -> str:
    if not isinstance(example, torch.Tensor):
        return type(example).__name__
    return f"{example.dtype} {example.device} rank {example.dim()} {example.layout}"
