"""Are two modules built alike?  Then tracing one of them says what tracing the other would."""

from __future__ import annotations

import types
from typing import Any

import torch
from torch import nn

#: Values that may differ: Dynamo guards each one that it reads.
_NUMBERS = (bool, int, float, str, type(None))


def alike(one: nn.Module, other: nn.Module) -> bool:
    """Do both have the same classes, attributes, hooks and kinds of tensors, all the way down?

    Plain values may differ, since a trace that reads one has a guard on it.  Of what has no guard (hooks, attributes
    that are absent, objects that are shared) nothing may.
    """
    return _alike(one, other, {id(one): id(other)})


def _alike(one: Any, other: Any, paired: dict[int, int]) -> bool:
    kind = type(one)
    if one is other:
        return True
    if kind is not type(other):
        return False
    if kind in _NUMBERS:
        return True
    if issubclass(kind, torch.Tensor):
        return _look(one) == _look(other)
    if issubclass(kind, nn.Module):
        if id(one) in paired and one is not other and paired[id(one)] != id(other):
            return False
        paired[id(one)] = id(other)
        return _alike(vars(one), vars(other), paired)
    if kind is types.MethodType:
        return one.__func__ is other.__func__ and paired.get(id(one.__self__)) == id(other.__self__)
    if issubclass(kind, dict):
        return list(one) == list(other) and all(_alike(one[key], other[key], paired) for key in one)
    if kind in (list, tuple):
        return len(one) == len(other) and all(_alike(a, b, paired) for a, b in zip(one, other, strict=True))
    if kind in (set, frozenset):
        return bool(one == other)
    if kind in (torch.dtype, torch.device, torch.Size):
        return bool(one == other)
    return False


def _look(tensor: torch.Tensor) -> tuple[Any, ...]:
    strides = tensor.stride() if tensor.layout is torch.strided else None
    return tensor.shape, strides, tensor.dtype, tensor.device, tensor.layout, tensor.requires_grad
