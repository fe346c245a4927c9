"""Dynamo's source expressions in the words of the user, and who holds what they name.

Dynamo writes ``L['self']._modules['layers']._modules['0'].step``; the user wrote ``self.layers[0].step``.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from steadygraph import torch_private
from steadygraph.model import Owner
from steadygraph.observe.guards.decorated import NO_DEFAULT, Decorated
from steadygraph.torch_private import code_before_breaks, wording
from steadygraph.torch_private.expressions import evaluate


@dataclass(frozen=True, slots=True)
class Names:
    """How the parameters of one frame are called by its caller.

    Args:
        receiver: The local that holds the region itself ("self"), if there is one.
        var_args: Name of the ``*args`` parameter.
        var_kwargs: Name of the ``**kwargs`` parameter.
        decorated: The function that ``*args`` and ``**kwargs`` are passed on to.
        variables: Those of enclosing functions that the frame closes over.
    """

    receiver: str | None = None
    var_args: str | None = None
    var_kwargs: str | None = None
    decorated: Decorated | None = None
    variables: tuple[str, ...] = ()

    @property
    def bound(self) -> str | None:
        """What the code calls the region itself: its own receiver, or that of the method around which it is put."""
        return self.receiver or (self.decorated.receiver if self.decorated else None)

    def readable(self, source: str) -> str:
        """``L['kwargs']['x'].size()[0]`` -> ``x.shape[0]``."""
        if self.var_kwargs:
            source = wording.keyword_named(source, self.var_kwargs)
        if self.var_args:
            source = wording.position_named(source, self.var_args, self._positional)
        if self.decorated and self.decorated.receiver:
            source = wording.receiver_named(source, self.variables, self.decorated.receiver)
        return wording.readable(source)

    @property
    def variadic(self) -> tuple[str, ...]:
        """The sources whose entries callers know by names of their own."""
        passed_on = (self.var_args if self.decorated else None, self.var_kwargs)
        return tuple(f"L[{name!r}]" for name in passed_on if name)

    def default(self, path: str) -> Any:
        """What a parameter is in a call that does not give it; NO_DEFAULT if that is not known."""
        return self.decorated.defaults.get(path, NO_DEFAULT) if self.decorated else NO_DEFAULT

    def _positional(self, index: int) -> str:
        return (self.decorated and self.decorated.position(index)) or f"{self.var_args}[{index}]"


def names_of(code: types.CodeType, receiver: str | None, decorated: Decorated | None = None) -> Names:
    """The names of a frame's parameters, from its code object."""
    code = code_before_breaks(code)
    position = code.co_argcount + code.co_kwonlyargcount
    var_args = var_kwargs = None
    if code.co_flags & inspect.CO_VARARGS:
        var_args = code.co_varnames[position]
        position += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        var_kwargs = code.co_varnames[position]
    return Names(receiver, var_args, var_kwargs, decorated, code.co_freevars)


def owner(source: str, scope: Mapping[str, Any], names: Names) -> Owner:
    """Who holds the value that ``source`` names."""
    root = wording.root_local(source)
    if root is None:
        return Owner.GLOBAL
    if not (root == names.receiver or _is_of_module(source, root, scope, names)):
        return Owner.GLOBAL if root in names.variables else Owner.ARGUMENT
    if isinstance(evaluate(wording.parent(source), scope), nn.Module):
        return Owner.MODULE
    return Owner.OBJECT


def _is_of_module(source: str, root: str, scope: Mapping[str, Any], names: Names) -> bool:
    """Does a source start from a module: a local, one of ``*args``, what a method in a variable is bound to?"""
    given = f"L[{root!r}][0]"
    start = given if root == names.var_args and source.startswith(given) else f"L[{root!r}]"
    return torch_private.is_module(evaluate(start, scope)) or wording.is_bound(source, names.variables)
