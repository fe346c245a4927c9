"""Dynamo's source expressions, evaluated, and put in the words of the user.

Dynamo writes ``L['self']._modules['layers']._modules['0'].step``; the user wrote ``self.layers[0].step``.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torch import nn

from steadygraph.model import Owner
from steadygraph.torch_private import wording

MISSING = object()
_ENTRY_OF = "___entry"


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


@lru_cache(maxsize=65536)
def _compiled(source: str) -> types.CodeType | None:
    try:
        tree = _RawEntries().visit(ast.parse(source, "<source>", "eval"))
        return compile(ast.fix_missing_locations(tree), "<source>", "eval")
    except (SyntaxError, ValueError):
        return None


class _RawEntries(ast.NodeTransformer):
    """``x[key]`` -> ``___entry(x, key)``."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.slice, ast.Slice):
            return node
        return ast.Call(ast.Name(_ENTRY_OF, ast.Load()), [node.value, node.slice], [])


def _entry(container: Any, key: Any) -> Any:
    """What a container stores: Dynamo's guards read dicts, lists and tuples without their class's ``__getitem__``.

    A class may make something up there: ``ACT2FN["silu"]`` of transformers is a new module each time.
    """
    for kind in (dict, list, tuple):
        if isinstance(container, kind):
            return kind.__getitem__(container, key)  # type: ignore[index]
    return container[key]


def evaluate(source: str, scope: Mapping[str, Any]) -> Any:
    """The value of a source or guard expression in ``scope``; MISSING if it has none there."""
    code = _compiled(source)
    if code is None:
        return MISSING
    try:
        # Dynamo's own guard functions evaluate the same text in the same scope.
        return eval(code, {**scope, _ENTRY_OF: _entry})
    except Exception:
        return MISSING


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
