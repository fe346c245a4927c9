"""What the code of a model compares and looks up: other values than those that the profile call happens to have."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steadygraph.errors import reading

#: Names that are numbered, as in ``f"d{i}"``, are tried up to this number.
_NUMBERED = 4
_MOST_SIZES = 8
_LARGEST_SIZE = 4096
_PLAIN = (str, int, float)
#: What a number may be that is compared with another one and is a size: ``x.shape[0]``, ``x.size(0)``, ``len(x)``, n.
_OF_SIZES = frozenset({"shape", "size", "len", "numel", "n", "seq_len", "length", "batch", "tokens", "rows"})


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Of all files of a model.

    Args:
        compared: Constants with which something of this name is compared.
        keys: Texts by which something of this name is looked up.
        attributes: Names of what is read from something of this name.
        sizes: Numbers with which anything is compared, or divided by: bounds of sizes, perhaps.
    """

    compared: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: tuple[int, ...] = ()


def read(files: Iterable[str]) -> SourceFacts:
    """What these files say; one that cannot be read says nothing."""
    compared: dict[str, dict[Any, None]] = {}
    keys: dict[str, dict[str, None]] = {}
    attributes: dict[str, dict[str, None]] = {}
    sizes: dict[int, None] = {}
    for file in files:
        for node in ast.walk(_tree(file)):
            for name, constant in _comparisons(node):
                compared.setdefault(name, {})[constant] = None
                if type(constant) is int and 1 < constant <= _LARGEST_SIZE and name in _OF_SIZES:
                    sizes[constant] = None
            for name, key in _lookups(node):
                keys.setdefault(name, {})[key] = None
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                attributes.setdefault(_name(node.value), {})[node.attr] = None
    return SourceFacts(
        {name: tuple(found) for name, found in compared.items()},
        {name: tuple(found) for name, found in keys.items()},
        {name: tuple(found) for name, found in attributes.items()},
        tuple(sorted(sizes)[:_MOST_SIZES]),
    )


def _tree(file: str) -> ast.Module:
    try:
        return ast.parse(reading.content(Path(file)))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _comparisons(node: ast.AST) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for one, other in itertools.pairwise(sides):
            yield from _pairs(one, other)
            yield from _pairs(other, one)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.FloorDiv):
        yield from _pairs(node.left, node.right)
    elif isinstance(node, ast.Match):
        for case in node.cases:
            for pattern in ast.walk(case.pattern):
                if isinstance(pattern, ast.MatchValue):
                    yield from _pairs(node.subject, pattern.value)


def _pairs(one: ast.expr, other: ast.expr) -> Iterator[tuple[str, Any]]:
    constants = other.elts if isinstance(other, ast.Tuple | ast.List | ast.Set) else [other]
    for each in constants:
        if isinstance(each, ast.Constant) and isinstance(each.value, _PLAIN) and not isinstance(each.value, bool):
            yield _name(one), each.value


def _lookups(node: ast.AST) -> Iterator[tuple[str, str]]:
    """``cache["k"]``, ``cache.get("k")``, ``"k" in cache``."""
    if isinstance(node, ast.Subscript):
        yield from ((_name(node.value), key) for key in _texts(node.slice))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop"):
        yield from ((_name(node.func.value), key) for one in node.args[:1] for key in _texts(one))
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        yield from ((_name(node.comparators[0]), key) for key in _texts(node.left))


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        for number in range(_NUMBERED):
            parts = (p.value if isinstance(p, ast.Constant) else number for p in node.values)
            yield "".join(map(str, parts))


def _name(node: ast.expr) -> str:
    """The last name of an expression: ``mode`` of ``self.mode``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return _name(node.func)
    return _name(node.value) if isinstance(node, ast.Subscript) else ""
