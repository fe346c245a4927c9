"""Dynamo's source expressions, evaluated, and put in the words of the user.

Dynamo writes ``L['self']._modules['layers']._modules['0'].step``; the user wrote ``self.layers[0].step``.
"""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torch import nn

from steadygraph.model import Owner

_LOCAL = re.compile(r"L\['(\w+)'\]")
_ENTRY = re.compile(r"\._(?:modules|parameters|buffers)\['(\w+)'\]")
_DICT_ENTRY = re.compile(r"\.__dict__\['(\w+)'\]")
_SIZE = re.compile(r"\.size\(\)")
_STRIDE = re.compile(r"\.stride\(\)")
_LAST_ACCESSOR = re.compile(r"(\.\w+(\(\))?|\[[^\[\]]*\])$")
#: Dicts that only store the attributes of an object: their owner is the object.
_STORES = (".__dict__", "._modules", "._parameters", "._buffers")

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
        text = _ENTRY.sub(lambda m: f"[{m[1]}]" if m[1].isdigit() else f".{m[1]}", source)
        text = _DICT_ENTRY.sub(r".\1", text)
        text = _STRIDE.sub(".stride", _SIZE.sub(".shape", text))
        if self.var_kwargs:
            text = re.sub(rf"L\['{self.var_kwargs}'\]\['(\w+)'\]", r"\1", text)
        if self.var_args:
            text = re.sub(rf"L\['{self.var_args}'\]\[(\d+)\]", lambda m: self._positional(int(m[1])), text)
        text = _LOCAL.sub(r"\1", text)
        return re.sub(r"G\['(\w+)'\]", r"\1", text)

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


def root_local(source: str) -> str | None:
    found = _LOCAL.search(source)
    return found[1] if found else None


def parent(source: str) -> str:
    """The expression of the object that holds the value: ``L['self'].cache.seen`` -> ``L['self'].cache``."""
    stripped = _LAST_ACCESSOR.sub("", source)
    for store in _STORES:
        stripped = stripped.removesuffix(store)
    return stripped


def owner(source: str, scope: Mapping[str, Any], names: Names) -> Owner:
    """Who holds the value that ``source`` names."""
    root = root_local(source)
    if root is None:
        return Owner.GLOBAL
    local = scope["L"].get(root, MISSING)
    if root != names.receiver and not isinstance(local, nn.Module):
        return Owner.ARGUMENT
    if isinstance(evaluate(parent(source), scope), nn.Module):
        return Owner.MODULE
    return Owner.OBJECT
