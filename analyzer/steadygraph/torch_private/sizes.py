"""Sizes that are symbols: which they are in a graph, how a tensor is marked, and guards without conditions on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from steadygraph.torch_private.frames import hooks

#: What conditions on symbolic sizes are made by.
_CONDITIONS = "SHAPE_ENV"


def symbolic_sizes(module: torch.fx.GraphModule) -> Iterator[tuple[str, dict[int, int]]]:
    """(placeholder, {dimension: the size that it was traced with}) of the tensors that have sizes that are symbols."""
    for node in module.graph.nodes:
        example = node.meta.get("example_value") if node.op == "placeholder" else None
        if isinstance(example, torch.Tensor):
            shape: Sequence[Any] = example.shape
            hints = {dim: size.node.hint for dim, size in enumerate(shape) if isinstance(size, torch.SymInt)}
            yield node.name, {dim: int(hint) for dim, hint in hints.items() if hint is not None}


def as_dynamic(tensor: torch.Tensor, dims: Iterable[int]) -> torch.Tensor:
    """Another tensor over the same memory, marked by ``mark_dynamic``; the tensor stays as it is."""
    from torch._dynamo import mark_dynamic

    alias = tensor.detach().requires_grad_(tensor.requires_grad)
    for dim in dims:
        mark_dynamic(alias, dim)
    return alias


def sizes_apart(on_guards: Any) -> Any:
    """Dynamo's hooks with which conditions on symbolic sizes are made, and not asked; ``on_guards`` gets them too."""
    return dataclasses.replace(hooks(on_guards), guard_filter_fn=_are_no_sizes)


def _are_no_sizes(guards: Sequence[Any]) -> Sequence[bool]:
    return [guard.guard_type != _CONDITIONS for guard in guards]
