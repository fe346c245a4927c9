"""What a layer is called with while Dynamo traces, and whether two calls are given the same."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch._dynamo.variables.constant import ConstantVariable
from torch._dynamo.variables.dicts import ConstDictVariable
from torch._dynamo.variables.lazy import LazyVariableTracker
from torch._dynamo.variables.lists import ListVariable, TupleVariable
from torch._dynamo.variables.nn_module import UnspecializedNNModuleVariable
from torch._dynamo.variables.tensor import SymNodeVariable, TensorVariable

_MEMBERS = {
    "torch._dynamo.variables.constant.ConstantVariable": "value",
    "torch._dynamo.variables.dicts.ConstDictVariable": "items python_type",
    "torch._dynamo.variables.lazy.LazyVariableTracker": "is_realized realize",
    "torch._dynamo.variables.lists.TupleVariable": "items",
    "torch._dynamo.variables.tensor.SymNodeVariable": "sym_num",
    "torch._dynamo.variables.tensor.TensorVariable": "as_proxy class_type",
}


class Role(enum.Enum):
    """What an argument is to the subgraph."""

    TENSOR, SYMBOL, CONSTANT, MODULE = range(4)


TENSOR, SYMBOL, CONSTANT, MODULE = Role
#: An argument that the traced call never looked at: it may be anything.
_UNREAD = None
#: Arguments that lead to other objects in another call.
MOVING = (TENSOR, MODULE)


class NotReusableError(Exception):
    """A call that cannot stand for others."""


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One value of a call: how Dynamo knows it, and its variable."""

    kind: Role | None
    variable: Any


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """A container of values, or the arguments themselves."""

    kind: Any
    parts: tuple[Value | _Group, ...]


class Arguments:
    """What a layer is called with, taken apart into single values.

    Raises:
        NotReusableError: There is something among them that Dynamo knows by more than its kind.
    """

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        parts = tuple(self._opened(value) for value in (*args, *kwargs.values()))
        self._all = _Group((len(args), tuple(kwargs)), parts)

    @property
    def values(self) -> list[Value]:
        """Those that somebody has looked at, in the order of the call."""
        return [value for value, _ in _paired(self._all, self._all) or ()]

    def like(self, traced: Arguments) -> list[Value] | None:
        """The values in the places of those that the traced call looked at; None if these have another structure."""
        pairs = _paired(traced._all, self._all)
        return None if pairs is None else [now for _, now in pairs]

    def _opened(self, variable: Any) -> Value | _Group:
        if isinstance(variable, LazyVariableTracker):
            if not variable.is_realized():
                return Value(_UNREAD, variable)
            variable = variable.realize()
        if type(variable) in (TupleVariable, ListVariable):
            return _Group(type(variable), tuple(self._opened(item) for item in variable.items))
        if type(variable) is ConstDictVariable and variable.python_type() is dict:
            keys = tuple(key.vt.as_python_constant() for key in variable.items)
            return _Group((dict, keys), tuple(self._opened(item) for item in variable.items.values()))
        return Value(self._kind(variable), variable)

    def _kind(self, variable: Any) -> Role:
        if type(variable) is TensorVariable:
            return TENSOR
        if type(variable) is SymNodeVariable:
            return SYMBOL
        if isinstance(variable, ConstantVariable):
            return CONSTANT
        if isinstance(variable, UnspecializedNNModuleVariable):
            return MODULE
        raise NotReusableError(type(variable).__name__)


def _paired(traced: Value | _Group, now: Value | _Group) -> list[tuple[Value, Value]] | None:
    """The values of two calls side by side, without those that the traced one never looked at."""
    if isinstance(traced, Value):
        if traced.kind is _UNREAD:
            return []
        return [(traced, now)] if isinstance(now, Value) and now.kind == traced.kind else None
    if not isinstance(now, _Group) or traced.kind != now.kind or len(traced.parts) != len(now.parts):
        return None
    found = []
    for one, other in zip(traced.parts, now.parts, strict=True):
        pairs = _paired(one, other)
        if pairs is None:
            return None
        found += pairs
    return found


def look(value: Value) -> tuple[Any, ...]:
    """What two arguments have to have in common."""
    variable = value.variable
    if value.kind == TENSOR:
        # An input of the graph has guards, and a value that was computed has not.
        is_input = variable.source is not None
        return (
            value.kind,
            variable.class_type,
            is_input,
            *tensor_look(variable.as_proxy().node.meta["example_value"]),
        )
    if value.kind == SYMBOL:
        return value.kind, type(variable.sym_num), str(variable.sym_num)
    if value.kind == CONSTANT:
        return value.kind, type(variable.value), repr(variable.value)
    return (value.kind,)


def tensor_look(tensor: torch.Tensor) -> tuple[Any, ...]:
    # Sizes as text: comparing two symbols would make a guard.
    strides = str(tensor.stride()) if tensor.layout is torch.strided else None
    shape = str(tuple(tensor.shape))
    return type(tensor), shape, strides, tensor.dtype, tensor.device, tensor.layout, tensor.requires_grad


def pattern(values: Sequence[Value]) -> list[int]:
    """Which of the tensors and sizes are one and the same."""
    first: dict[Any, int] = {}
    nodes = [value.variable.as_proxy().node for value in values if value.kind in (TENSOR, SYMBOL)]
    return [first.setdefault(node, index) for index, node in enumerate(nodes)]
