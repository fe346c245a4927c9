"""Comparisons of a device without an index with one that has an index: ``cuda`` is never equal to ``cuda:0``.

``torch.device`` cannot be watched, lines can: before a line with a comparison or a look-up runs, both sides are
evaluated, as far as that runs no code of the user's.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import re
import sys
import types
from collections.abc import Iterator
from typing import Any

import torch

from steadygraph.accelerator import sites
from steadygraph.accelerator.sites import CALL, Site
from steadygraph.model import DeviceMismatch
from steadygraph.observe import locations

_NAME = re.compile(r"\bcuda(?::(\d+))?\b")
_UNKNOWN = object()
_PLAIN = (str, int, float, bool, type(None), torch.dtype, torch.device)
#: What something can be looked up in: containers, and functions that remember their results.
_HOLDERS = (dict, set, frozenset, list, tuple, functools._lru_cache_wrapper)
#: Methods of a module that give its tensors.
_LISTS = ("parameters", "buffers")


class ComparisonWatch:
    """Finds such comparisons in a block, by watching the lines that have one.

    Args:
        cached: What functions that remember their results were called with; those of earlier blocks, if it is given.
    """

    def __init__(self, cached: dict[object, list[Any]] | None = None) -> None:
        self._cached = {} if cached is None else cached
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
        return self._line if sites.of_code(code) else None

    def _line(self, frame: types.FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            for site in sites.of_code(frame.f_code).get(frame.f_lineno, ()):
                self._look(frame, site)
        return self._line

    def _look(self, frame: types.FrameType, site: Site) -> None:
        right = _value(site.right, frame)
        if right is _UNKNOWN or (site.is_lookup and not isinstance(right, _HOLDERS)):
            return
        left = _value(site.left, frame)
        if left is _UNKNOWN:
            return
        if site.operator == CALL:
            right = self._remembered(left, right)
        pair = _looked_up(left, right) if site.is_lookup else (left, right)
        if pair is None or not _differ_in_index(*pair) or _met_otherwise(site, frame):
            return
        where = locations.of_line(frame.f_code, frame.f_lineno)
        key, other = _operands(site)
        self._found.setdefault(
            (where.path, where.line, key),
            DeviceMismatch(
                operation=site.operator, operands=((key, _shown(pair[0])), (other, _shown(pair[1]))), location=where
            ),
        )

    def _remembered(self, arguments: Any, function: Any) -> list[Any]:
        """What such a function was called with before; none of others."""
        if not _parts(arguments):
            return []
        earlier = self._cached.setdefault(function, [])
        known = list(earlier)
        earlier.append(arguments)
        return known


def _operands(site: Site) -> tuple[str, str]:
    """How the two sides of a comparison are called."""
    if site.operator == CALL and isinstance(site.left, ast.Tuple):
        arguments = ", ".join(ast.unparse(argument) for argument in site.left.elts)
        return arguments, f"what {ast.unparse(site.right)} was called with before"
    right = ast.unparse(site.right)
    return ast.unparse(site.left), f"a key of {right}" if site.is_lookup else right


def _met_otherwise(site: Site, frame: types.FrameType) -> bool:
    """Does the same condition allow for the index?"""
    values = ((_value(left, frame), _value(right, frame)) for left, right in site.alternatives)
    return any(_devices(left) and _devices(left) == _devices(right) for left, right in values)


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
    if isinstance(node, ast.JoinedStr):
        parts = [_value(part.value if isinstance(part, ast.FormattedValue) else part, frame) for part in node.values]
        return "".join(map(str, parts)) if all(isinstance(part, _PLAIN) for part in parts) else _UNKNOWN
    return _called(node, frame) if isinstance(node, ast.Call) else _UNKNOWN


def _called(node: ast.Call, frame: types.FrameType) -> Any:
    """``torch.device("cuda")``, ``str(device)``, ``next(model.parameters())``: these run no code of the user's."""
    if len(node.args) != 1:
        return _UNKNOWN
    function = _value(node.func, frame)
    if function in (torch.device, str):
        argument = _value(node.args[0], frame)
        return function(argument) if isinstance(argument, str | torch.device) else _UNKNOWN
    listed = node.args[0]
    if function is next and isinstance(listed, ast.Call) and isinstance(listed.func, ast.Attribute):
        module = _value(listed.func.value, frame)
        method = getattr(torch.nn.Module, listed.func.attr, None) if listed.func.attr in _LISTS else None
        if method is not None and isinstance(module, torch.nn.Module):
            return next(method(module), _UNKNOWN)
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
    if isinstance(found, functools._lru_cache_wrapper):
        return found
    return _UNKNOWN if hasattr(type(found), "__get__") else found


def _looked_up(key: Any, container: Any) -> tuple[Any, Any] | None:
    """The key and the one in the container that it would be but for an index."""
    if not _parts(key):
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
    a, b = _devices(left), _devices(right)
    if a is None or b is None or a[0] != b[0] or a[1] == b[1]:
        return False
    return all(x == y or (x is None) != (y is None) for x, y in zip(a[1], b[1], strict=True))


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, _PLAIN) and isinstance(right, _PLAIN) and left == right


def _devices(value: Any) -> tuple[str, tuple[str | None, ...]] | None:
    """The text without the indices of the devices in it, and those indices: ``cuda:0-bias`` is (``cuda-bias``, 0)."""
    if not isinstance(value, str | torch.device):
        return None
    text = str(value)
    indices = tuple(match[1] for match in _NAME.finditer(text))
    return (_NAME.sub("cuda", text), indices) if indices else None


def _parts(key: Any) -> bool:
    """Is this, or does it hold, a device?"""
    return _devices(key) is not None or (isinstance(key, tuple) and any(_devices(part) is not None for part in key))


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join('...' if part is _UNKNOWN else str(part) for part in value)})"
    return str(value)
