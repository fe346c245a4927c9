"""Which lines of a stack are the model's, and which belong to a decorator around it.

A decorator's wrapper looks at arguments before the model does, and does so for every model alike: its lines, and those
of the functions that it calls beside the decorated one, say nothing about the model.
"""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class _Wrapper:
    """The function that a decorator puts around another one: its lines, and those on which it calls that one."""

    lines: range
    calls: tuple[range, ...]


def of_model(stack: Sequence[traceback.FrameSummary]) -> tuple[list[traceback.FrameSummary], bool]:
    """The frames of a stack that belong to no decorator, outermost first; do they reach to the end of it?

    Where a wrapper is in a line of its own, and not in the decorated function, whatever it calls there is its own too.
    So is what comes back from another file into that of a wrapper on the way: a hook that the decorator has installed.
    """
    found: list[traceback.FrameSummary] = []
    decorating: set[str] = set()
    for frame in stack:
        wrapper = _wrapper(frame.filename, frame.lineno or 0)
        if wrapper is None:
            if found and found[-1].filename != frame.filename and frame.filename in decorating:
                return found, False
            found.append(frame)
        elif any(frame.lineno in call for call in wrapper.calls):
            decorating.add(frame.filename)
        else:
            return found, False
    return found, bool(stack) and bool(found) and found[-1] is stack[-1]


def _wrapper(path: str, line: int) -> _Wrapper | None:
    """The wrapper in which a line is; of several around each other the innermost."""
    inside = [one for one in _wrappers(path) if line in one.lines]
    return min(inside, key=lambda one: len(one.lines), default=None)


@lru_cache(maxsize=256)
def _wrappers(path: str) -> tuple[_Wrapper, ...]:
    # Of a file that cannot be read, or is none of Python's, every line counts as the model's.
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return ()
    return tuple(_below(tree, frozenset()))


def _below(node: ast.AST, enclosing: frozenset[str]) -> Iterator[_Wrapper]:
    """The wrappers below a node, which is inside of functions with these variables."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _Function | ast.Lambda):
            yield from _below(child, enclosing)
            continue
        own = _variables(child)
        if child.args.vararg or child.args.kwarg:
            functions = enclosing - own
            functions |= frozenset(_made_of(child, functions))
            calls = tuple(_lines(node) for node in ast.walk(child) if _passes_on(node, functions))
            if calls:
                yield _Wrapper(_with_decorators(child), calls)
        yield from _below(child, enclosing | own)


def _variables(function: _Function | ast.Lambda) -> frozenset[str]:
    parameters = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
    assigned = (one.id for one in ast.walk(function) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))
    return frozenset((*(one.arg for one in parameters), *assigned))


def _made_of(function: _Function | ast.Lambda, variables: frozenset[str]) -> Iterator[str]:
    """Its variables that are made of these: ``implementation = chosen(options, decorated)``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            read = {one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)}
            if read & variables:
                yield from (one.id for one in node.targets if isinstance(one, ast.Name))


def _passes_on(node: ast.AST, functions: frozenset[str]) -> TypeGuard[ast.Call]:
    """Does it call one of these functions with ``*args`` or ``**kwargs``?"""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in functions:
        return False
    return any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords)


def _with_decorators(function: _Function | ast.Lambda) -> range:
    """A frame that has not begun yet is at the first decorator: ``@functools.wraps(function)``."""
    lines = _lines(function)
    above = [] if isinstance(function, ast.Lambda) else function.decorator_list
    return range(min([lines.start, *(one.lineno for one in above)]), lines.stop)


def _lines(node: _Function | ast.Lambda | ast.expr | ast.Call) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
