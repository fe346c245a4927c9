"""Where in a source two things are compared, or one is looked up among others."""

from __future__ import annotations

import ast
import functools
import linecache
import types
from collections.abc import Iterator
from dataclasses import dataclass

_EQUALITY = {ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not"}
_MEMBERSHIP = {ast.In: "in", ast.NotIn: "not in"}
#: Methods of a dict whose first argument is looked up.
_LOOKING_UP = ("get", "pop", "setdefault")
CALL = "call"


@dataclass(frozen=True, slots=True)
class Site:
    """``left operator right``; for a look-up ``left`` is the key and ``right`` the container.

    Of a call, ``right`` is the function, which may be one that remembers its results.
    """

    left: ast.expr
    operator: str
    right: ast.expr
    #: Pairs that are compared as well, in the same condition: if one of them is equal, this one need not be.
    alternatives: tuple[tuple[ast.expr, ast.expr], ...] = ()

    @property
    def is_lookup(self) -> bool:
        return self.operator not in _EQUALITY.values()


@functools.lru_cache(maxsize=4096)
def of_code(code: types.CodeType) -> dict[int, tuple[Site, ...]]:
    """The sites in a function, by line."""
    lines = {line for *_, line in code.co_lines() if line is not None}
    return {line: sites for line, sites in _of_file(code.co_filename).items() if line in lines}


@functools.lru_cache(maxsize=256)
def _of_file(path: str) -> dict[int, tuple[Site, ...]]:
    source = "".join(linecache.getlines(path))
    if "device" not in source:
        return {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    found: dict[int, tuple[Site, ...]] = {}
    for site in _of_tree(tree):
        found[site.left.lineno] = (*found.get(site.left.lineno, ()), site)
    return found


def _of_tree(tree: ast.AST) -> Iterator[Site]:
    conditions = _conditions(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            others = [other for other in conditions.get(id(node), ()) if other is not node]
            alternatives = tuple((other.left, other.comparators[0]) for other in others if len(other.ops) == 1)
            lefts = (node.left, *node.comparators)
            for left, operator, right in zip(lefts, node.ops, node.comparators, strict=False):
                if type(operator) in _EQUALITY | _MEMBERSHIP:
                    yield Site(left, (_EQUALITY | _MEMBERSHIP)[type(operator)], right, alternatives)
        elif isinstance(node, ast.Match):
            yield from _of_match(node)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield Site(node.slice, "[]", node.value)
        elif isinstance(node, ast.Call):
            yield from _of_call(node)


def _of_match(node: ast.Match) -> Iterator[Site]:
    values = [p.value for case in node.cases for p in ast.walk(case.pattern) if isinstance(p, ast.MatchValue)]
    for value in values:
        # The value of the pattern is what stands in the line that runs.
        yield Site(value, "==", node.subject, tuple((node.subject, other) for other in values if other is not value))


def _of_call(node: ast.Call) -> Iterator[Site]:
    if not node.args:
        return
    if isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKING_UP:
        yield Site(node.args[0], node.func.attr, node.func.value)
    elif isinstance(node.func, ast.Name | ast.Attribute) and not node.keywords:
        yield Site(ast.copy_location(ast.Tuple(node.args, ast.Load()), node), CALL, node.func)


def _conditions(tree: ast.AST) -> dict[int, tuple[ast.Compare, ...]]:
    """Comparisons that stand in one condition, ``a == b or a == c``, or in the branches of one ``if``."""
    found: dict[int, tuple[ast.Compare, ...]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            together = _compared(node)
        elif isinstance(node, ast.If):
            together = _compared(*_tests(node))
        else:
            continue
        for one in together:
            found[id(one)] = max(found.get(id(one), ()), together, key=len)
    return found


def _tests(node: ast.If) -> Iterator[ast.expr]:
    yield node.test
    if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        yield from _tests(node.orelse[0])


def _compared(*nodes: ast.AST) -> tuple[ast.Compare, ...]:
    return tuple(part for node in nodes for part in ast.walk(node) if isinstance(part, ast.Compare))
