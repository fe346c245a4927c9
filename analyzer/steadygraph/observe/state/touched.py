"""What a call can have changed: everything reachable from its arguments and from the model, marked before and after.

A mark is cheap: the identity of an object, the version counter and the look of a tensor, the text of a Python value.
Only what has another mark afterwards is compared, and only that is ever copied.
"""

from __future__ import annotations

import ctypes
import inspect
import sys
import types
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.observe.inputs import memory, storage
from steadygraph.observe.inputs.structure import tensor_spec
from steadygraph.observe.inputs.values import value_text

#: Tensors this small are marked by their data as well: no version counter knows of a write through ``.data``.
SMALL_BYTES = 2**16
#: A tensor that eager mode left alone is known by a checksum of its data, up to this size.
LARGEST_BYTES = 2**28

#: How places begin that outlive a call; all others are in its arguments.
ATTRIBUTE = "attribute `self."
GLOBAL = "global `"
#: Values that are equal only if nobody could tell them apart; 0.0 is -0.0, and NaN is not NaN.
_PLAIN = frozenset({type(None), bool, int, str})

#: How a place is named: "argument `cache['k']`", "attribute `self.step`".
Place = str


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """One object as it was.  It is kept, so that no other object gets its identity."""

    value: Any
    state: object

    def differs_from(self, other: Mark) -> bool:
        """Another object counts as changed even if it is equal: whoever compares will see."""
        if self.state != other.state:
            return True
        another = self.value is not other.value
        return another and (torch_private.is_tensor(self.value) or torch_private.is_tensor(other.value))


Marks = Mapping[Place, Mark]


def of_arguments(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Marks:
    """Of what a call can reach by way of its arguments; objects that are never opened are left out."""
    named = named_arguments(model, args, kwargs)
    return _marks((f"argument `{name}{path}`", leaf) for name, value in named for path, leaf in storage.held(value))


def named_arguments(model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The arguments of a call by the names that the model's forward gives them."""
    try:
        bound = _signature(type(model).forward).bind(model, *args, **kwargs)
    except (TypeError, ValueError):  # a forward of the instance, or one written in C
        yield from ((f"args[{i}]", value) for i, value in enumerate(args))
        yield from kwargs.items()
        return
    parameters = list(bound.signature.parameters.values())[1:]
    for parameter in parameters:
        if parameter.name not in bound.arguments:
            continue
        value = bound.arguments[parameter.name]
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            yield from value.items()
        else:
            yield parameter.name, value


#: With the code that each was read from: the arguments of every call are named several times.
_SIGNATURES: weakref.WeakKeyDictionary[types.FunctionType, tuple[types.CodeType, inspect.Signature]] = (
    weakref.WeakKeyDictionary()
)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if type(function) is not types.FunctionType or function.__dict__:  # one that is wrapped has that of another
        return inspect.signature(function)
    code, known = _SIGNATURES.get(function, (None, None))
    if known is None or code is not function.__code__:
        known = inspect.signature(function)
        _SIGNATURES[function] = function.__code__, known
    return known


def of_model(model: nn.Module) -> Marks:
    """Of what it can reach by way of its model."""
    return _marks((f"{ATTRIBUTE}{name}`", leaf) for name, leaf in storage.held(model))


def touched(before: Marks, after: Marks) -> set[Place]:
    """Places that are new, gone, or marked otherwise."""
    found = {place for place, mark in after.items() if place not in before or before[place].differs_from(mark)}
    return found | (before.keys() - after.keys())


def checksum(tensor: torch.Tensor) -> int | None:
    """Of a tensor's data; None where it has none that could be read, or more than is worth it."""
    if tensor.is_meta or torch_private.is_fake(tensor) or tensor.layout is not torch.strided or tensor.is_quantized:
        return None
    if tensor.numel() * tensor.itemsize > LARGEST_BYTES:
        return None
    try:
        data = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        # Not by way of numpy: memory that it was given can never be resized again.
        return zlib.crc32((ctypes.c_ubyte * data.numel()).from_address(data.data_ptr())) if data.numel() else 0
    except (NotImplementedError, RuntimeError, TypeError):  # wrappers around other tensors, nested ones
        return None


def of_globals(names: Mapping[str, Mapping[str, Any]]) -> Marks:
    """Of what stands in module-level variables, each with its namespace."""
    values = ((name, namespace.get(name)) for name, namespace in names.items())
    data = [(name, value) for name, value in values if not issubclass(type(value), nn.Module | types.ModuleType | type)]
    return _marks((f"{GLOBAL}{name}{path}`", leaf) for name, value in data for path, leaf in storage.held(value))


def _marks(reachable: Iterator[tuple[Place, Any]]) -> Marks:
    with torch_private.without_modes():
        return {place: Mark(value, _state(value)) for place, value in reachable}


def _state(value: Any) -> object:
    """Every leaf of a model is asked, several times for each call: most of them are plain values and parameters."""
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if not torch_private.is_tensor(value):
        numpy = sys.modules.get("numpy")
        if numpy is not None and issubclass(type(value), numpy.ndarray) and value.dtype != object:
            return kind, value_text(value), zlib.crc32(value.tobytes())
        return kind, value_text(value)
    version = None if value.is_inference() else value._version
    if kind is nn.Parameter and version is not None:
        return value.shape, value.dtype, value.device, memory.address(value), version
    # The CPU alone is asked: reading from another device would wait for it at every call.
    small = _on_host(value) and value.numel() * value.itemsize <= SMALL_BYTES
    data = checksum(value) if version is None or small else None
    return tensor_spec(value), memory.address(value), version, data


def _on_host(tensor: torch.Tensor) -> bool:
    return tensor.device.type == "cpu" and not torch_private.is_fake(tensor)
