"""Where in a source two things are compared, or one is looked up among others."""

from __future__ import annotations

import ast
import dataclasses
import functools
import linecache
import types
from collections.abc import Iterator
from dataclasses import dataclass

_EQUALITY = {ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not"}
_MEMBERSHIP = {ast.In: "in", ast.NotIn: "not in"}
#: Methods of a dict whose first argument is looked up.
_LOOKING_UP = ("get", "pop", "setdefault")
#: Decorators that remember results, however they are imported.
_REMEMBERING = ("lru_cache", "cache")

#: A condition that stands before a comparison in the same expression, and what it is if the comparison runs.
Condition = tuple[ast.expr, bool]
_Together = dict[int, tuple[ast.Compare, ...]]


@dataclass(frozen=True, slots=True)
class Site:
    """``left operator right``; for a look-up ``left`` is the key and ``right`` the container."""

    left: ast.expr
    operator: str
    right: ast.expr
    #: Pairs that are compared as well, in the same condition: if one of them is equal, this one need not be.
    alternatives: tuple[tuple[ast.expr, ast.expr], ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def is_lookup(self) -> bool:
        return self.operator not in _EQUALITY.values()


@functools.lru_cache(maxsize=4096)
def of_code(code: types.CodeType) -> dict[int, tuple[Site, ...]]:
    """The sites in a function, by line."""
    lines = {line for *_, line in code.co_lines() if line is not None}
    return {line: sites for line, sites in _of_file(code.co_filename).items() if line in lines}


def remembers(code: types.CodeType) -> bool:
    """Is this the code of a function under ``functools.cache``: does it run only where nothing is remembered?"""
    return code.co_firstlineno in _remembering(code.co_filename)


@functools.lru_cache(maxsize=256)
def _of_file(path: str) -> dict[int, tuple[Site, ...]]:
    tree = _tree(path)
    if tree is None:
        return {}
    found: dict[int, tuple[Site, ...]] = {}
    for site in _below(tree, (), _in_one_condition(tree)):
        found[site.left.lineno] = (*found.get(site.left.lineno, ()), site)
    return found


@functools.lru_cache(maxsize=256)
def _remembering(path: str) -> frozenset[int]:
    """First lines of such functions."""
    tree = _tree(path)
    functions = [] if tree is None else [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    decorated = {
        f.decorator_list[0].lineno: {_name(d) for d in f.decorator_list} for f in functions if f.decorator_list
    }
    return frozenset(line for line, names in decorated.items() if names.intersection(_REMEMBERING))


@functools.lru_cache(maxsize=32)
def _tree(path: str) -> ast.Module | None:
    """The source of a file that speaks of devices."""
    source = "".join(linecache.getlines(path))
    if "device" not in source:
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _name(decorator: ast.expr) -> str:
    decorator = decorator.func if isinstance(decorator, ast.Call) else decorator
    return decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")


def _below(node: ast.AST, given: tuple[Condition, ...], together: _Together) -> Iterator[Site]:
    """The sites in a node and below it; ``given`` are the conditions under which it runs at all."""
    for site in _of_node(node, together):
        yield dataclasses.replace(site, conditions=given)
    if isinstance(node, ast.BoolOp):
        goes_on = isinstance(node.op, ast.And)
        for number, value in enumerate(node.values):
            yield from _below(value, (*given, *((earlier, goes_on) for earlier in node.values[:number])), together)
        return
    if isinstance(node, ast.IfExp):
        yield from _below(node.test, given, together)
        yield from _below(node.body, (*given, (node.test, True)), together)
        yield from _below(node.orelse, (*given, (node.test, False)), together)
        return
    for child in ast.iter_child_nodes(node):
        # What stands in another scope runs at another time.
        yield from _below(child, given if isinstance(child, ast.expr) and not _is_scope(child) else (), together)


def _is_scope(node: ast.expr) -> bool:
    return isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)


def _of_node(node: ast.AST, together: _Together) -> Iterator[Site]:
    if isinstance(node, ast.Compare):
        others = [other for other in together.get(id(node), ()) if other is not node]
        alternatives = tuple((other.left, other.comparators[0]) for other in others if len(other.ops) == 1)
        lefts = (node.left, *node.comparators)
        for left, operator, right in zip(lefts, node.ops, node.comparators, strict=False):
            if type(operator) in _EQUALITY | _MEMBERSHIP:
                yield Site(left, (_EQUALITY | _MEMBERSHIP)[type(operator)], right, alternatives)
    elif isinstance(node, ast.Match):
        yield from _of_match(node)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield Site(node.slice, "[]", node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKING_UP:
        yield from (Site(key, node.func.attr, node.func.value) for key in node.args[:1])


def _of_match(node: ast.Match) -> Iterator[Site]:
    values = [p.value for case in node.cases for p in ast.walk(case.pattern) if isinstance(p, ast.MatchValue)]
    for value in values:
        # The value of the pattern is what stands in the line that runs.
        yield Site(value, "==", node.subject, tuple((node.subject, other) for other in values if other is not value))


def _in_one_condition(tree: ast.AST) -> _Together:
    """Comparisons that stand in one condition, ``a == b or a == c``, or in the branches of one ``if``."""
    found: _Together = {}
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
