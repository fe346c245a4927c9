"""The tensors in the locals of a frame, replaced: containers and plain objects around them are made anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

#: Objects in objects are opened so deep.
_DEEPEST = 4

#: Gets the name of the argument that holds a tensor, and the tensor; gives what stands in its place.
Replace = Callable[[str, torch.Tensor], torch.Tensor]


def replaced(f_locals: Mapping[str, Any], replace: Replace) -> dict[str, Any]:
    """The same locals with other tensors; what was one object is one again, and modules are left alone."""
    made: dict[int, Any] = {}
    return {name: _replaced(value, name, replace, made, 0) for name, value in f_locals.items()}


def _replaced(value: Any, name: str, replace: Replace, made: dict[int, Any], depth: int) -> Any:
    if id(value) in made:
        return made[id(value)]

    def inner(each: Any) -> Any:
        return _replaced(each, name, replace, made, depth + 1)

    result = value
    if type(value) is torch.Tensor:
        result = replace(name, value)
    elif type(value) in (list, tuple):
        result = type(value)(map(inner, value))
    elif type(value) is dict:
        result = {key: inner(each) for key, each in value.items()}
    elif depth < _DEEPEST and _is_plain(value):
        result = _like(value, {key: inner(each) for key, each in vars(value).items()})
    made[id(value)] = result
    return result


def _is_plain(value: Any) -> bool:
    """Is all that there is of it in its attributes?"""
    made: object = type(value).__new__
    return (
        made is object.__new__
        and hasattr(value, "__dict__")
        and not isinstance(value, (type, nn.Module, torch.Tensor))
        and not callable(value)
    )


def _like(value: Any, attributes: Mapping[str, Any]) -> Any:
    if all(attributes[name] is held for name, held in vars(value).items()):
        return value
    copy = object.__new__(type(value))
    vars(copy).update(attributes)
    return copy
