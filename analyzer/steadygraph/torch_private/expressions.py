"""What Dynamo's sources and guards say, evaluated: ``L['self']._modules['layers']._modules['0'].step``."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

#: Stands for the value of an expression that has none.
MISSING = object()
_ENTRY_OF = "___entry"


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
