"""The entries that Dynamo hands to a ``guard_filter_fn``, read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

from steadygraph.model.budget import FrameId, GuardClass, GuardId
from steadygraph.torch_private.entries import LoneGuard
from steadygraph.torch_private.guard_workshop import GuardWorkshop
from steadygraph.torch_private.wording import without_addresses

_MEMBERS = {
    "torch._dynamo.types.GuardFilterEntry": "derived_guard_types orig_guard",
    "torch._guards.Guard": "code_list name source user_stack",
}
#: What Dynamo calls a function that goes on after a graph break has the number of the line in it.
_RESUMED_AT = re.compile(r"_at_\d+(?:_\d+)*$")
_VALUES = frozenset({"BOOL_MATCH", "EQUALS_MATCH", "TRUE_MATCH", "FALSE_MATCH", "CONSTANT_MATCH"})
_NONES = frozenset({"NONE_MATCH", "NOT_NONE_MATCH", "NOT_NONE"})
_HOOKS = "EMPTY_NN_MODULE_HOOKS_DICT"


def lone_guards(workshop: GuardWorkshop) -> Iterator[LoneGuard]:
    """The guards of a frame, each in a guard manager of its own."""
    for entry, tree in zip(workshop.entries, workshop.managers(), strict=True):
        yield LoneGuard(guard_id(entry), condition(entry), line(entry), frame_id(entry), guard_class(entry), tree)


def guard_id(entry: Any) -> GuardId:
    """What finds the guard again in another process."""
    guard = entry.orig_guard
    stack = guard.user_stack or ()
    source, kind = without_addresses(guard.name), entry.guard_type
    if not stack:
        return GuardId(source, kind)
    made = stack[-1]
    return GuardId(source, kind, _base(made.filename), _function(made.name), (made.line or "").strip())


def line(entry: Any) -> int | None:
    """The number of the line that made it."""
    stack = entry.orig_guard.user_stack
    return stack[-1].lineno if stack else None


def frame_id(entry: Any) -> FrameId | None:
    """The compiled function that the guard belongs to; None: it does not tell."""
    stack = entry.orig_guard.user_stack
    return FrameId(_base(stack[0].filename), _function(stack[0].name)) if stack else None


def condition(entry: Any) -> str:
    """What the guard asks, as Dynamo writes it; of several conditions the last, which is the most telling one."""
    texts = entry.orig_guard.code_list or ()
    kind = entry.guard_type
    if kind == "SHAPE_ENV":
        return without_addresses(" and ".join(dict.fromkeys(texts)))
    return without_addresses(texts[-1]) if texts else ""


def guard_class(entry: Any) -> GuardClass:
    """What the guard is about."""
    guard, kinds = entry.orig_guard, {entry.guard_type, *entry.derived_guard_types}
    if entry.guard_type == "SHAPE_ENV":
        return GuardClass.SIZES
    if not guard.name:
        return GuardClass.STATE
    where = guard.source.name
    if "MODULE" in where:
        return _of_module(entry.guard_type, kinds)
    if where.startswith("GLOBAL"):
        return GuardClass.GLOBALS
    if kinds & _NONES:
        return GuardClass.NONE
    if "TENSOR_MATCH" in kinds:
        return GuardClass.TENSORS
    return GuardClass.VALUES if kinds & _VALUES else GuardClass.STRUCTURE


def _of_module(kind: str, kinds: set[str]) -> GuardClass:
    if kind == _HOOKS:
        return GuardClass.MODULE_HOOKS
    if "TENSOR_MATCH" in kinds:
        return GuardClass.MODULE_TENSORS
    return GuardClass.MODULE_VALUES if kinds & (_VALUES | _NONES) else GuardClass.MODULES


def _base(path: str) -> str:
    return os.path.basename(path)


def _function(name: str) -> str:
    return _RESUMED_AT.sub("_at_<n>", name)
