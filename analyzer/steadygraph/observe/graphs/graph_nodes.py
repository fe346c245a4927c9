"""The nodes of a captured graph as values: what a picture of it needs, and what two graphs are compared by."""

from __future__ import annotations

import itertools
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

import torch
from torch.fx import GraphModule, Node

from steadygraph.model import GraphNode, Location, NodeKind
from steadygraph.observe.places import locations
from steadygraph.torch_private.effects import has_effect

_TRACED_LINE = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
_KINDS = {"placeholder": NodeKind.INPUT, "get_attr": NodeKind.CONSTANT, "output": NodeKind.OUTPUT}


def nodes(
    module: GraphModule,
    name_of: Callable[[Node], str],
    digest_of: Callable[[GraphModule], str],
    digests: Mapping[Node, str],
) -> tuple[tuple[GraphNode, ...], tuple[Location, ...]]:
    """All nodes but those that only hand over the body of a higher-order operator, and the lines that they come from.

    Args:
        module: The graph.
        name_of: What an input or an operator is called.
        digest_of: The digest of a body.
        digests: Of the nodes, each without what is before it.
    """
    kept = list(_kept(module))
    position = {node: index for index, node in enumerate(kept)}
    places: dict[Location, int] = {}
    made = []
    for node in kept:
        where = line_of(node)
        bodies = [body for used in node.all_input_nodes if (body := body_of(module, used)) is not None]
        made.append(
            GraphNode(
                kind=_KINDS.get(node.op, NodeKind.CALL),
                name="" if node.op == "output" else name_of(node),
                inputs=tuple(position[used] for used in node.all_input_nodes if used in position),
                value=_value(node.meta.get("example_value")),
                line=None if where is None else places.setdefault(where, len(places)),
                bodies=tuple(digest_of(body) for body in bodies),
                digest=digests.get(node, ""),
            )
        )
    return tuple(made), tuple(places)


def effects(module: GraphModule) -> Iterator[int]:
    """Positions of nodes that do more than give a value, themselves or in what they run."""
    for position, node in enumerate(_kept(module)):
        own = [body for used in node.all_input_nodes if (body := body_of(module, used)) is not None]
        if any(any(True for _ in effects(body)) for body in own) if own else has_effect(node):
            yield position


def _kept(module: GraphModule) -> Iterator[Node]:
    return (node for node in module.graph.nodes if body_of(module, node) is None)


def body_of(module: GraphModule, node: Node) -> GraphModule | None:
    """The graph that a ``get_attr`` node stands for, if it is one."""
    if node.op != "get_attr":
        return None
    found: object = module
    for part in str(node.target).split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, GraphModule) else None


def bodies(module: GraphModule) -> Iterable[GraphModule]:
    """The graphs that the higher-order operators of this one run, themselves and theirs."""
    own = [child for child in module.children() if isinstance(child, GraphModule)]
    return itertools.chain(own, *(bodies(child) for child in own))


def line_of(node: Node) -> Location | None:
    """The innermost line of the user's code in the trace that Dynamo attached."""
    return _line_in(node.meta.get("stack_trace") or "")


@lru_cache(maxsize=4096)
def _line_in(trace: str) -> Location | None:
    found = _TRACED_LINE.findall(trace)
    frames = [traceback.FrameSummary(path, int(line), name, lookup_line=False) for path, line, name in found]
    return locations.of_stack(frames)


def _value(example: object) -> str:
    if not isinstance(example, torch.Tensor):
        return ""
    dtype = str(example.dtype).removeprefix("torch.")
    return f"{dtype}[{', '.join(str(size) for size in example.shape)}]"
