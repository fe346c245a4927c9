"""A captured graph, cut off behind one of its nodes: run so, it returns that node's value; and it as a program."""

from __future__ import annotations

import re
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.fx import Graph, GraphModule, Node


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """The nodes of a graph up to one of them.

    ``name`` is the operator of that node, ``trace`` the user's lines that were traced there.
    """

    module: GraphModule
    name: str
    trace: str


class Pieces:
    """A graph, as Dynamo hands it over, in pieces that each return one more of its tensors."""

    def __init__(self, module: GraphModule) -> None:
        self._module = module
        self._ends = [node for node in module.graph.nodes if _gives_tensor(node)]

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> Piece:
        end = self._ends[number]
        graph, copied = Graph(), dict[Node, Node]()
        for node in self._module.graph.nodes:
            copied[node] = graph.node_copy(node, copied.__getitem__)
            # What Dynamo noted is of a trace that is over.
            copied[node].meta = {}
            if node is end:
                break
        graph.output((copied[end],))
        name = end.target if isinstance(end.target, str) else getattr(end.target, "__name__", str(end.target))
        return Piece(GraphModule(self._module, graph), name, end.meta.get("stack_trace") or "")


def _gives_tensor(node: Node) -> bool:
    called = node.op in ("call_function", "call_method", "call_module")
    return called and isinstance(node.meta.get("example_value"), torch.Tensor)


def as_program(module: GraphModule) -> tuple[str, Sequence[str]] | None:
    """A class ``Graph`` that computes what a graph module does, and the imports that it needs.

    None for one with parameters, or graphs of its own: what they hold stands in no text.
    """
    if any(node.op in ("get_attr", "call_module") for node in module.graph.nodes):
        return None
    written: Any = module.graph.python_code("self")
    named = set(re.findall(r"\w+", written.src))
    imports = [_imported(name, value) for name, value in written.globals.items() if name in named]
    if None in imports:
        return None
    body = "\n".join(f"    {line}" if line else "" for line in written.src.strip().splitlines())
    return f"class Graph(torch.nn.Module):\n{body}\n", sorted({one for one in imports if one})


def _imported(name: str, value: Any) -> str | None:
    """The statement that defines a name of a graph's code; None if there is none."""
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__}" if value.__name__ == name else f"import {value.__name__} as {name}"
    if isinstance(value, float):
        return f'{name} = float("{value}")'
    module, own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if value is None or module is None or own is None:
        return f"{name} = {value!r}" if type(value) in (int, bool, str, type(None)) else None
    if module == "builtins" and name == own:
        return ""
    return f"from {module} import {own} as {name}"
