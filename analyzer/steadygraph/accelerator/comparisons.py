"""Comparisons of a device without an index with one that has an index: ``cuda`` is never equal to ``cuda:0``.

``torch.device`` cannot be watched, lines can: before a line with a comparison or a look-up runs, both sides are
evaluated, as far as that runs no code of the user's.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import linecache
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from steadygraph.model import DeviceMismatch
from steadygraph.observe import locations

_NAME = re.compile(r"(cuda)(?::(\d+))?")
_EQUALITY = {ast.Eq: "==", ast.NotEq: "!="}
_MEMBERSHIP = {ast.In: "in", ast.NotIn: "not in"}
_UNKNOWN = object()


@dataclass(frozen=True, slots=True)
class _Site:
    """``left operator right`` in the source; for a look-up ``left`` is the key and ``right`` the container."""

    left: ast.expr
    operator: str
    right: ast.expr

    @property
    def is_lookup(self) -> bool:
        return self.operator not in _EQUALITY.values()


class ComparisonWatch:
    """Finds such comparisons in a block, by watching the lines that have one."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, str], DeviceMismatch] = {}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._entered)
        try:
            yield
        finally:
            sys.settrace(before)

    def mismatches(self) -> tuple[DeviceMismatch, ...]:
        """What was found, in the order in which it was first seen."""
        return tuple(self._found.values())

    def _entered(self, frame: types.FrameType, event: str, _argument: object) -> Any:
        code = frame.f_code
        if not locations.is_user_file(code.co_filename):
            return None
        return self._line if _sites_in(code) else None

    def _line(self, frame: types.FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            for site in _sites_in(frame.f_code).get(frame.f_lineno, ()):
                self._look(frame, site)
        return self._line

    def _look(self, frame: types.FrameType, site: _Site) -> None:
        left, right = _value(site.left, frame), _value(site.right, frame)
        if left is _UNKNOWN or right is _UNKNOWN:
            return
        pair = _looked_up(left, right) if site.is_lookup else (left, right)
        if pair is None or not _differ_in_index(*pair):
            return
        where = locations.of_line(frame.f_code, frame.f_lineno)
        other = f"a key of {ast.unparse(site.right)}" if site.is_lookup else ast.unparse(site.right)
        self._found.setdefault(
            (where.path, where.line, ast.unparse(site.left)),
            DeviceMismatch(
                operation=site.operator,
                operands=((ast.unparse(site.left), _shown(pair[0])), (other, _shown(pair[1]))),
                location=where,
            ),
        )


@functools.lru_cache(maxsize=4096)
def _sites_in(code: types.CodeType) -> dict[int, tuple[_Site, ...]]:
    lines = {line for *_, line in code.co_lines() if line is not None}
    return {line: sites for line, sites in _sites_of_file(code.co_filename).items() if line in lines}


@functools.lru_cache(maxsize=256)
def _sites_of_file(path: str) -> dict[int, tuple[_Site, ...]]:
    source = "".join(linecache.getlines(path))
    if "device" not in source:
        return {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    found: dict[int, tuple[_Site, ...]] = {}
    for node in ast.walk(tree):
        site = _site(node)
        if site is not None:
            found[site.left.lineno] = (*found.get(site.left.lineno, ()), site)
    return found


def _site(node: ast.AST) -> _Site | None:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        operator = (_EQUALITY | _MEMBERSHIP).get(type(node.ops[0]))
        return None if operator is None else _Site(node.left, operator, node.comparators[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return _Site(node.args[0], "get", node.func.value)
    return None


def _value(node: ast.expr, frame: types.FrameType) -> Any:
    """What an expression stands for, if that can be told without running code of the user's."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return next((names[node.id] for names in _scopes(frame) if node.id in names), _UNKNOWN)
    if isinstance(node, ast.Attribute):
        owner = _value(node.value, frame)
        return _UNKNOWN if owner is _UNKNOWN else _attribute(owner, node.attr)
    if isinstance(node, ast.Tuple):
        items = tuple(_value(item, frame) for item in node.elts)
        # A part that is not known cannot be told apart from others, and the rest may still say enough.
        return items
    if isinstance(node, ast.Call) and _value(node.func, frame) in (torch.device, str) and len(node.args) == 1:
        argument = _value(node.args[0], frame)
        return _value(node.func, frame)(argument) if isinstance(argument, str | torch.device) else _UNKNOWN
    return _UNKNOWN


def _scopes(frame: types.FrameType) -> tuple[dict[str, Any], ...]:
    return frame.f_locals, frame.f_globals, frame.f_builtins


def _attribute(owner: Any, name: str) -> Any:
    if isinstance(owner, types.ModuleType):
        return vars(owner).get(name, _UNKNOWN)
    if name == "device":  # of tensors, and of models that derive it from their parameters
        with contextlib.suppress(Exception):
            return getattr(owner, name)
        return _UNKNOWN
    if isinstance(owner, torch.nn.Module):
        for held in (owner._parameters, owner._buffers, owner._modules):
            if name in held:
                return held[name]
    found = inspect.getattr_static(owner, name, _UNKNOWN)
    if isinstance(found, types.MemberDescriptorType):  # __slots__
        return getattr(owner, name, _UNKNOWN)
    return _UNKNOWN if hasattr(type(found), "__get__") else found


def _looked_up(key: Any, container: Any) -> tuple[Any, Any] | None:
    """The key and the one in the container that it would be but for an index."""
    if not isinstance(container, dict | set | frozenset | list | tuple) or not _parts(key):
        return None
    try:
        if key in container:
            return None
    except Exception:
        return None
    near = (other for other in container if _parts(other) and _differ_in_index(key, other))
    return next(((key, other) for other in near), None)


def _differ_in_index(left: Any, right: Any) -> bool:
    """Is it the index of a device, given on one side only, that makes the two sides different?"""
    if isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
        pairs = list(zip(left, right, strict=True))
        others = (a is _UNKNOWN or b is _UNKNOWN or _differ_in_index(a, b) or _equal(a, b) for a, b in pairs)
        return any(_differ_in_index(a, b) for a, b in pairs) and all(others)
    a, b = _device(left), _device(right)
    return a is not None and b is not None and a[0] == b[0] and (a[1] is None) != (b[1] is None)


def _equal(left: Any, right: Any) -> bool:
    plain = (str, int, float, bool, type(None), torch.dtype, torch.device)
    return isinstance(left, plain) and isinstance(right, plain) and left == right


def _device(value: Any) -> tuple[str, int | None] | None:
    if isinstance(value, torch.device):
        return value.type, value.index
    match = _NAME.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else (match[1], None if match[2] is None else int(match[2]))


def _parts(key: Any) -> bool:
    """Is this, or does it hold, a device?"""
    return _device(key) is not None or (isinstance(key, tuple) and any(_device(part) is not None for part in key))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join('...' if part is _UNKNOWN else str(part) for part in value)})"
    return str(value)
