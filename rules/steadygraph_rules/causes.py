"""What each violated guard is about: every guard has one cause, and every cause belongs to one rule.

So no defect is reported twice.  Guards that fail only because another one does (the stride of a tensor whose size
changed, requires_grad where grad mode changed) have no cause of their own.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import weakref
from collections.abc import Iterable, Mapping, Sequence

from steadygraph.model import Asks, Aspect, Difference, Evidence, Owner, Policy, Subject, ViolatedGuard
from steadygraph_rules.tensors import tensor_path, tensors


class Cause(enum.StrEnum):
    """What changed between profile and serving."""

    NONE = "an argument that is None in one run"
    CONTAINER = "the type, length or keys of an argument"
    VALUE = "a flag, string or other Python value"
    OTHER = "something else about an argument"
    INT = "an int"
    FLOAT = "a float"
    SHAPE = "sizes or rank of a tensor"
    ZERO_ONE = "a size that is 0 or 1"
    DUCK = "two sizes that were equal"
    DTYPE = "the dtype of a tensor"
    STRIDE = "the strides of a tensor"
    REQUIRES_GRAD = "requires_grad of a tensor"
    TENSOR = "layout or class of a tensor"
    DEVICE = "the device of a tensor"
    ATTRIBUTE = "what a module or an object on it holds"
    IDENTITY = "which object it is"
    GLOBAL = "process-wide or module-level state"


#: What is the same in every guard of a tensor, whoever holds it.
_TENSOR_CAUSES = {
    Aspect.RANK: Cause.SHAPE,
    Aspect.DTYPE: Cause.DTYPE,
    Aspect.STRIDE: Cause.STRIDE,
    Aspect.REQUIRES_GRAD: Cause.REQUIRES_GRAD,
    Aspect.DEVICE: Cause.DEVICE,
    Aspect.LAYOUT: Cause.TENSOR,
    Aspect.SUBCLASS: Cause.TENSOR,
    Aspect.ALIASING: Cause.IDENTITY,
    Aspect.AMBIENT: Cause.GLOBAL,
}
_ARGUMENT_CAUSES = {
    Aspect.NONE: Cause.NONE,
    Aspect.TYPE: Cause.CONTAINER,
    Aspect.LENGTH: Cause.CONTAINER,
    Aspect.KEYS: Cause.CONTAINER,
    Aspect.PRESENCE: Cause.CONTAINER,
    Aspect.VALUE: Cause.VALUE,
    Aspect.IDENTITY: Cause.IDENTITY,
}
_SIZES = frozenset({Cause.SHAPE, Cause.ZERO_ONE, Cause.DUCK})
#: Below such a path everything else is another thing too.
_REPLACING = frozenset({Aspect.NONE, Aspect.TYPE, Aspect.PRESENCE})
_SCALAR_TYPES = frozenset({"bool", "int", "float", "complex", "str", "bytes"})
_TENSOR_TYPES = frozenset({"Tensor", "torch.Tensor", "Parameter", "Buffer"})
#: What a relation is about, beside those of sizes.
_RELATION_CAUSES = {
    Asks.STRIDE_RELATION: Cause.STRIDE,
    Asks.NUMBER_RELATION: Cause.INT,
    Asks.SIZE_FROM_TWO: Cause.ZERO_ONE,
}
#: By identity: the same evidence is asked for by every rule, and hashing one takes longer than sorting its guards.
_KNOWN: dict[int, Mapping[Cause, Sequence[ViolatedGuard]]] = {}
_GRAD_SETTINGS = ("ambient.grad_mode", "ambient.inference_mode")


def causes(evidence: Evidence) -> Mapping[Cause, Sequence[ViolatedGuard]]:
    """The violated guards of a scenario by cause, without those that follow from others, in evidence order.

    Every rule asks for them: they are sorted once for each evidence, and kept as long as it is.
    """
    key = id(evidence)
    if key not in _KNOWN:
        _KNOWN[key] = _sorted_by_cause(evidence)
        weakref.finalize(evidence, _KNOWN.pop, key, None).atexit = False
    return _KNOWN[key]


def _sorted_by_cause(evidence: Evidence) -> Mapping[Cause, Sequence[ViolatedGuard]]:
    found: dict[Cause, list[ViolatedGuard]] = {}
    for guard in _independent(evidence):
        found.setdefault(cause_of(guard, evidence.differences), []).append(guard)
    _drop_rank_shadows(found)
    _drop_strides_of_other_sizes(found)
    _drop_static_ones(found)
    return {cause: tuple(guards) for cause, guards in found.items() if guards}


def cause_of(guard: ViolatedGuard, differences: Iterable[Difference] = ()) -> Cause:
    """What one violated guard is about, whatever else is violated."""
    if guard.owner is Owner.AMBIENT:
        return Cause.GLOBAL
    if guard.aspect is Aspect.SHAPE:
        return _size_cause(guard)
    if guard.aspect in _TENSOR_CAUSES:
        return _TENSOR_CAUSES[guard.aspect]
    number = _number_cause(guard)
    if number is not None and _burned_as_number(guard):
        return number
    if guard.owner is Owner.ARGUMENT:
        return _argument_cause(guard, differences)
    if guard.aspect is Aspect.IDENTITY and (guard.matters is not True or guard.expected_type in _TENSOR_TYPES):
        return Cause.IDENTITY
    return Cause.GLOBAL if guard.owner is Owner.GLOBAL else Cause.ATTRIBUTE


# --- one guard -------------------------------------------------------------------------------------------


def _argument_cause(guard: ViolatedGuard, differences: Iterable[Difference]) -> Cause:
    types = {guard.expected_type, guard.actual_type}
    if guard.aspect is Aspect.TYPE and types <= _TENSOR_TYPES:
        return Cause.TENSOR
    if guard.aspect in (Aspect.TYPE, Aspect.VALUE) and len(types) == 2 and "" not in types:
        return Cause.VALUE if types <= _SCALAR_TYPES else Cause.CONTAINER
    if guard.aspect is Aspect.OTHER and guard.condition.asks is Asks.TENSOR:
        return Cause.TENSOR
    if guard.aspect is Aspect.IDENTITY and enum_members(guard, differences) is not None:
        return Cause.VALUE
    return _ARGUMENT_CAUSES.get(guard.aspect, Cause.OTHER)


def enum_members(guard: ViolatedGuard, differences: Iterable[Difference]) -> tuple[str, str] | None:
    """Members of an enum are guarded by identity, and observed as values: the two members, if that is what changed."""
    member_of = re.compile(rf"(.*\.)?{re.escape(guard.expected_type)}\.\w+")  # the class may stand in another one
    found = [
        difference
        for difference in differences
        if difference.region == guard.region
        and difference.aspect is Aspect.VALUE
        and member_of.fullmatch(difference.profile)
        and member_of.fullmatch(difference.serving)
    ]
    named = [difference for difference in found if f"[{guard.path!r}]" in difference.path]
    return next(((one.profile, one.serving) for one in named + found), None)


def _number_cause(guard: ViolatedGuard) -> Cause | None:
    if guard.aspect not in (Aspect.VALUE, Aspect.TYPE):
        return None
    types = {guard.expected_type, guard.actual_type} - {""}
    if types == {"int"}:
        return Cause.INT
    return Cause.FLOAT if "float" in types and types <= {"int", "float"} else None


def _burned_as_number(guard: ViolatedGuard) -> bool:
    """Directly on a module, or as a global, a number is state like any other attribute."""
    if guard.owner is Owner.GLOBAL:
        return guard.condition.subject is not Subject.GLOBAL_NAME
    return guard.owner in (Owner.ARGUMENT, Owner.OBJECT)


def _size_cause(guard: ViolatedGuard) -> Cause:
    asks = guard.condition.asks
    if not guard.condition.is_relation:
        return Cause.ZERO_ONE if guard.expected in ("0", "1") and guard.actual not in ("0", "1") else Cause.SHAPE
    if asks is Asks.EQUAL_SIZES and guard.condition.by_chance:
        return Cause.DUCK
    return _RELATION_CAUSES.get(asks, Cause.SHAPE)


# --- guards that fail because others do --------------------------------------------------------------------


def _independent(evidence: Evidence) -> list[ViolatedGuard]:
    guards = evidence.violated_guards
    replaced = {(g.region, g.path) for g in guards if g.aspect in _REPLACING}
    moved = _moved_tensors(evidence)
    was_none = {(g.region, g.path) for g in guards if g.aspect is Aspect.NONE}
    ambient = [g.path for g in guards if g.aspect is Aspect.AMBIENT or g.owner is Owner.AMBIENT]
    ambient_told = bool(ambient)
    ambient += [d.path for d in evidence.differences if d.path.startswith("ambient.")]
    grad_changed = any(path in _GRAD_SETTINGS or path.endswith(".is_inference()") for path in ambient)
    kept: dict[tuple[object, ...], ViolatedGuard] = {}
    for guard in map(_of_the_function, guards):
        if any((guard.region, above) in replaced for above in _paths_above(guard.path)):
            continue
        if (guard.region, tensor_path(guard.path)) in moved:
            continue
        if guard.aspect is not Aspect.NONE and (guard.region, guard.path) in was_none:
            continue
        if grad_changed and guard.aspect is Aspect.REQUIRES_GRAD:
            continue
        # The dispatch keys of every tensor follow autocast, grad and inference mode.
        if ambient_told and guard.aspect is Aspect.OTHER and guard.condition.asks is Asks.TENSOR:
            continue
        # A frame that goes on after a graph break guards the same things once more.
        kept.setdefault((guard.region, guard.path, guard.aspect, guard.expected, guard.actual), guard)
    return list(kept.values())


def _moved_tensors(evidence: Evidence) -> set[tuple[str, str]]:
    """Tensors that were replaced although a captured graph knows them by address: that is a finding of its own."""
    captured = any(outcome.policy is Policy.CUDA_GRAPH for outcome in evidence.outcomes)
    return {(move.region, move.path) for move in evidence.moved} if captured else set()


def _of_the_function(guard: ViolatedGuard) -> ViolatedGuard:
    """A Python function is recognised by its code: what changed is which function it is."""
    if not guard.path.endswith(".__code__"):
        return guard
    return dataclasses.replace(guard, path=guard.path.removesuffix(".__code__"), aspect=Aspect.IDENTITY)


def _paths_above(path: str) -> list[str]:
    """``a.b[0].c`` -> ``a.b[0]``, ``a.b``, ``a``."""
    return [path[: found.start()] for found in re.finditer(r"[.\[]", path) if found.start()]


def _drop_rank_shadows(found: dict[Cause, list[ViolatedGuard]]) -> None:
    shapes = found.get(Cause.SHAPE, [])
    ranked = tensors(g for g in shapes if g.aspect is Aspect.RANK)
    for cause in _SIZES & found.keys():
        found[cause] = [g for g in found[cause] if g.aspect is Aspect.RANK or not tensors([g]) & ranked]


def _drop_strides_of_other_sizes(found: dict[Cause, list[ViolatedGuard]]) -> None:
    if Cause.STRIDE in found:
        resized = tensors(guard for cause in _SIZES for guard in found.get(cause, ()))
        found[Cause.STRIDE] = [guard for guard in found[Cause.STRIDE] if not tensors([guard]) & resized]


def _drop_static_ones(found: dict[Cause, list[ViolatedGuard]]) -> None:
    """Where other sizes are constants as well, 1 is not one because it is 1."""
    shapes = found.get(Cause.SHAPE, [])
    if any(guard.aspect is Aspect.SHAPE and not guard.condition.is_relation for guard in shapes):
        ones = found.get(Cause.ZERO_ONE, [])
        shapes += [guard for guard in ones if not guard.condition.is_relation]
        found[Cause.ZERO_ONE] = [guard for guard in ones if guard.condition.is_relation]
