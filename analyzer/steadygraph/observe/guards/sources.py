"""Dynamo's source expressions in the words of the user, and who holds what they name.

Dynamo writes ``L['self']._modules['layers']._modules['0'].step``; the user wrote ``self.layers[0].step``.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from steadygraph.model import Owner
from steadygraph.torch_private import wording
from steadygraph.torch_private.expressions import MISSING, evaluate


@dataclass(frozen=True, slots=True)
class Names:
    """How the parameters of one frame are called by its caller.

    Args:
        receiver: The local that holds the region itself ("self"), if there is one.
        var_args: Name of the ``*args`` parameter.
        var_kwargs: Name of the ``**kwargs`` parameter.
        wrapped: Parameter names of the decorated function that ``*args`` are passed on to.
    """

    receiver: str | None = None
    var_args: str | None = None
    var_kwargs: str | None = None
    wrapped: tuple[str, ...] = ()

    def readable(self, source: str) -> str:
        """``L['kwargs']['x'].size()[0]`` -> ``x.shape[0]``."""
        if self.var_kwargs:
            source = wording.keyword_named(source, self.var_kwargs)
        if self.var_args:
            source = wording.position_named(source, self.var_args, self._positional)
        return wording.readable(source)

    def _positional(self, index: int) -> str:
        return self.wrapped[index] if index < len(self.wrapped) else f"{self.var_args}[{index}]"


def names_of(code: types.CodeType, receiver: str | None, wrapped: Sequence[str] = ()) -> Names:
    """The names of a frame's parameters, from its code object."""
    position = code.co_argcount + code.co_kwonlyargcount
    var_args = var_kwargs = None
    if code.co_flags & 0x04:  # CO_VARARGS
        var_args = code.co_varnames[position]
        position += 1
    if code.co_flags & 0x08:  # CO_VARKEYWORDS
        var_kwargs = code.co_varnames[position]
    return Names(receiver, var_args, var_kwargs, tuple(wrapped))


def owner(source: str, scope: Mapping[str, Any], names: Names) -> Owner:
    """Who holds the value that ``source`` names."""
    root = wording.root_local(source)
    if root is None:
        return Owner.GLOBAL
    local = scope["L"].get(root, MISSING)
    if root != names.receiver and not isinstance(local, nn.Module):
        return Owner.ARGUMENT
    if isinstance(evaluate(wording.parent(source), scope), nn.Module):
        return Owner.MODULE
    return Owner.OBJECT
