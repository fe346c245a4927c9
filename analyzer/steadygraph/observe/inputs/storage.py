"""Where the tensors of a model lie in memory: what a CUDA graph freezes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.model import GLOBAL
from steadygraph.observe.inputs import structure
from steadygraph.observe.inputs.memory import address, memory
from steadygraph.observe.inputs.objects import parts, size
from steadygraph.observe.inputs.values import is_value, per_type
from steadygraph.torch_private.entries import CompiledFrame
from steadygraph.torch_private.expressions import evaluate

#: What every module has by itself: hooks and flags, beside the dicts that are walked by name.
_OF_EVERY_MODULE = frozenset(vars(torch.nn.Module()))
#: Longer containers are lists of numbers, not of tensors.
_LONGEST = 10_000
#: Characters of a name; what lies deeper (in a linked list, say) is not listed.
_LONGEST_NAME = 400


def addresses(module: torch.nn.Module) -> tuple[tuple[str, int], ...]:
    """(name, address) of each tensor that a module holds, sorted by name.

    Parameters, buffers and tensors in plain attributes, and those in the objects, lists and dicts that hang on them:
    ``layers.0.weight``, ``layers.0.workspace``, ``cache.layers[0].keys``.  A tensor with two names is listed twice.
    Tensors without memory (meta, empty ones, wrappers around other tensors) are left out.
    """
    found: dict[str, int] = {}
    with torch_private.without_torch_function():
        for name, leaf in leaves(module):
            if torch_private.is_tensor(leaf) and (place := address(leaf)):
                found.setdefault(name, place)
    return tuple(sorted(found.items()))


def global_addresses(entries: Iterable[CompiledFrame]) -> Iterator[tuple[str, int]]:
    """(Dynamo's source, address) of each tensor that compiled graphs read from a module-level variable."""
    for entry in entries:
        sources = {source for graph in entry.graphs for source in graph.sources.values() if source.startswith(GLOBAL)}
        scope = entry.scope({}) if sources else {}
        for source in sources:
            value = evaluate(source, scope)
            if torch_private.is_tensor(value) and (place := address(value)):
                yield source, place


def leaves(module: torch.nn.Module, *, besides: torch.nn.Module | None = None) -> Iterator[tuple[str, object]]:
    """(name, tensor or Python value) of everything that a module and the objects that hang on it hold.

    Args:
        module: Where to begin.
        besides: A part of it that is left out.
    """
    return ((name, value) for name, value in held(module, besides=besides) if value is not None)


def held(root: object, *, besides: torch.nn.Module | None = None) -> Iterator[tuple[str, object]]:
    """The same of any object, and every None."""
    seen: set[int] = set() if besides is None else {id(besides)}
    waiting: deque[tuple[str, Any]] = deque([("", root)])
    while waiting:
        name, value = waiting.popleft()
        if _is_leaf(type(value)):
            yield name, value
        elif id(value) not in seen and len(name) <= _LONGEST_NAME:
            seen.add(id(value))
            waiting.extend(_held(name, value))


@per_type
def _is_leaf(kind: type) -> bool:
    return kind is type(None) or issubclass(kind, torch.Tensor) or is_value(kind)


def _held(name: str, value: Any) -> list[tuple[str, Any]]:
    if torch_private.is_module(value):
        prefix = f"{name}." if name else ""
        # As named_parameters() and its like do at many times the price: every call walks the model several times.
        tables = (value._parameters, value._buffers, value._modules)
        found = [(prefix + key, item) for table in tables if table for key, item in table.items() if item is not None]
        return found + [(prefix + key, item) for key, item in vars(value).items() if key not in _OF_EVERY_MODULE]
    if size(value) > _LONGEST:
        return []
    return [(name + accessor, item) for accessor, item in parts(value) or ()]


def handed(
    model: torch.nn.Module, region: torch.nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[str, str, int], ...]:
    """(path, name in the model, address) of each argument of a region that lies in memory which the model holds.

    The address is that of the whole memory: other rows of the same buffer are no other memory.
    """
    if region is model:
        return ()
    with torch_private.without_torch_function():
        given = [(path, tensor, memory(tensor)) for path, tensor in tensor_arguments(args, kwargs).items()]
        if not any(place for _, _, place in given):
            return ()
        owned: dict[int, str] = {}
        for name, leaf in leaves(model, besides=region):
            if torch_private.is_tensor(leaf) and (place := memory(leaf)):
                owned.setdefault(place, name)
    return tuple((path, owned[place], place) for path, _, place in given if place in owned)


def tensor_arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors among the arguments, by path."""
    named = {f"args[{i}]": value for i, value in enumerate(args)} | {f"kwargs[{k!r}]": v for k, v in kwargs.items()}
    return {
        prefix + path: leaf
        for prefix, value in named.items()
        for path, leaf in structure.leaves(value)
        if torch_private.is_tensor(leaf)
    }


def memories(module: torch.nn.Module) -> dict[str, int]:
    """By name, the memory of each tensor that a module holds; names as of :func:`addresses`."""
    with torch_private.without_torch_function():
        named = ((name, leaf) for name, leaf in leaves(module) if torch_private.is_tensor(leaf))
        return {name: place for name, tensor in named if (place := memory(tensor))}
