"""Whether a call looks like one before: cheap enough to be asked at every call."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch

_PLAIN = frozenset({bool, int, float, str, type(None)})
#: Longer containers are known by their length alone, and deeper ones by their type.
_LONGEST, _DEEPEST = 64, 4


def exact(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Hashable:
    """Types, dtypes, sizes and plain values; objects of classes are not opened."""
    if kwargs:
        return (*map(_exact, args), *kwargs, *map(_exact, kwargs.values()))
    return tuple(map(_exact, args))


def coarse(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Hashable:
    """The same without sizes and numbers: what makes a structure another one, whatever is in it."""
    return (*map(_coarse, args), *kwargs, *map(_coarse, kwargs.values()))


def _exact(value: Any, depth: int = 0) -> Hashable:
    kind = type(value)
    if kind is torch.Tensor:
        return value.dtype, value.shape, value.device, value.requires_grad
    if kind in _PLAIN:
        return kind, value
    if isinstance(value, torch.Tensor):
        return kind, value.dtype, value.dim(), value.requires_grad
    return _container(value, kind, depth, _exact)


def _coarse(value: Any, depth: int = 0) -> Hashable:
    if isinstance(value, torch.Tensor):
        return type(value), value.dtype, value.dim(), value.device, value.requires_grad
    kind = type(value)
    if kind in _PLAIN:
        return (kind, value if value is None or kind is bool else None)
    return _container(value, kind, depth, _coarse)


def _container(value: Any, kind: type, depth: int, inner: Any) -> Hashable:
    if kind not in (list, tuple, dict):
        return kind
    if depth >= _DEEPEST or len(value) > _LONGEST:
        return kind, len(value)
    if kind is dict:
        keys = (key if type(key) is str else type(key) for key in value)
        return (kind, *keys, *(inner(each, depth + 1) for each in value.values()))
    return (kind, *(inner(each, depth + 1) for each in value))
