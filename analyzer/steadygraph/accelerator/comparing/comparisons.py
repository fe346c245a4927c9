"""Comparisons of a device without an index with one that has an index: ``cuda`` is never equal to ``cuda:0``.

``torch.device`` cannot be watched, lines can: before a line with a comparison or a look-up runs, both sides are
evaluated, as far as that runs no code of the user's.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.accelerator.comparing import sites
from steadygraph.accelerator.comparing.sites import Site
from steadygraph.model import DeviceMismatch
from steadygraph.observe.places import locations

_NAME = re.compile(r"\bcuda(?::(\d+))?\b")
_UNKNOWN = object()
_PLAIN = (str, int, float, bool, type(None), torch.dtype, torch.device)
#: What something can be looked up in.
_HOLDERS = (dict, set, frozenset, list, tuple)
#: Methods of a module that give its tensors.
_LISTS = ("parameters", "buffers")


class ComparisonWatch:
    """Finds such comparisons in a block, by watching the lines that have one.

    Args:
        computed: What functions that remember their results were called with; those of earlier blocks, if given.
    """

    def __init__(self, computed: dict[types.CodeType, list[Any]] | None = None) -> None:
        self._computed = {} if computed is None else computed
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
        if sites.remembers(code):
            self._compute(frame)
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
        pair = _looked_up(left, right) if site.is_lookup else (left, right)
        if pair is None or not _differ_in_index(*pair) or not _matters(site, frame):
            return
        key, right_name = ast.unparse(site.left), ast.unparse(site.right)
        other = f"a key of {right_name}" if site.is_lookup else right_name
        self._note(site.operator, (key, _shown(pair[0])), (other, _shown(pair[1])), frame)

    def _compute(self, frame: types.FrameType) -> None:
        """A function that remembers its results has none for these arguments."""
        code = frame.f_code
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        arguments = tuple(value if isinstance(value := frame.f_locals[name], _PLAIN) else id(value) for name in names)
        earlier = self._computed.setdefault(code, [])
        near = next((known for known in earlier if _differ_in_index(arguments, known)), None)
        earlier.append(arguments)
        if near is None or frame.f_back is None:
            return
        differing = [(name, a, b) for name, a, b in zip(names, arguments, near, strict=True) if _differ_in_index(a, b)]
        for name, now, before in differing:
            what = f"what {code.co_name} was called with before"
            self._note("call", (name, _shown(now)), (what, _shown(before)), frame.f_back)

    def _note(self, operation: str, left: tuple[str, str], right: tuple[str, str], frame: types.FrameType) -> None:
        where = locations.of_line(frame.f_code, frame.f_lineno)
        mismatch = DeviceMismatch(operation=operation, operands=(left, right), location=where)
        self._found.setdefault((where.path, where.line, left[0]), mismatch)


def unwatched(run: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, without a look at the lines that run in it: how an operator is faked takes thousands of them.

    A tracer that is not ours (a debugger, a coverage tool) goes on looking.
    """

    def call(*args: Any) -> Any:
        tracer = sys.gettrace()
        if not isinstance(getattr(tracer, "__self__", None), ComparisonWatch):
            return run(*args)
        sys.settrace(None)
        try:
            return run(*args)
        finally:
            sys.settrace(tracer)

    return call


def _matters(site: Site, frame: types.FrameType) -> bool:
    """Does the comparison run, as far as that can be told, and does its condition not allow for the index?"""
    if any(_truth(condition, frame) is (not wanted) for condition, wanted in site.conditions):
        return False
    values = ((_value(left, frame), _value(right, frame)) for left, right in site.alternatives)
    return not any(_devices(left) and _devices(left) == _devices(right) for left, right in values)


def _truth(node: ast.expr, frame: types.FrameType) -> bool | None:
    """What a condition is, None if that cannot be told."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        truth = _truth(node.operand, frame)
        return None if truth is None else not truth
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = _value(node.left, frame), _value(node.comparators[0], frame)
        if isinstance(node.ops[0], ast.Is | ast.IsNot) and left is not _UNKNOWN and right is not _UNKNOWN:
            return (left is right) == isinstance(node.ops[0], ast.Is)
        if isinstance(node.ops[0], ast.Eq | ast.NotEq) and isinstance(left, _PLAIN) and isinstance(right, _PLAIN):
            return bool(left == right) == isinstance(node.ops[0], ast.Eq)
        return None
    value = _value(node, frame)
    return bool(value) if isinstance(value, _PLAIN) else None


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
        if method is not None and torch_private.is_module(module):
            return next(method(module), _UNKNOWN)
    return _UNKNOWN


def _scopes(frame: types.FrameType) -> tuple[dict[str, Any], ...]:
    return frame.f_locals, frame.f_globals, frame.f_builtins


def _attribute(owner: Any, name: str) -> Any:
    if isinstance(owner, types.ModuleType):
        return vars(owner).get(name, _UNKNOWN)
    if name == "device" or name.endswith("_device"):  # of tensors, and of models that derive it from their parameters
        with contextlib.suppress(Exception):
            return getattr(owner, name)
        return _UNKNOWN
    if torch_private.is_module(owner):
        for held in (owner._parameters, owner._buffers, owner._modules):
            if name in held:
                return held[name]
    found = inspect.getattr_static(owner, name, _UNKNOWN)
    if isinstance(found, types.MemberDescriptorType):  # __slots__
        return getattr(owner, name, _UNKNOWN)
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
