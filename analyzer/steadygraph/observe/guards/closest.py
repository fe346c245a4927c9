"""What the entries of Dynamo's cache say to a frame: which of them answers, or what the closest one sees violated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from steadygraph.compare import ambient
from steadygraph.model import Asks, Aspect, Checked, Condition, Owner, ViolatedGuard
from steadygraph.observe.guards.asked import Asked, Frame
from steadygraph.observe.guards.inspection import violated
from steadygraph.torch_private.entries import CompiledFrame

#: Ambient settings that Dynamo guards (GRAD_MODE, GLOBAL_STATE, DEFAULT_DEVICE, TORCH_FUNCTION_STATE).
_GUARD_TYPE = "GLOBAL_STATE"


@dataclass(frozen=True, slots=True)
class Answer:
    """The entry that answers, or the closest one, and what it sees violated; None: there are no entries."""

    entry: CompiledFrame | None
    holds: bool = False
    violated: tuple[ViolatedGuard, ...] = ()


def answer(entries: Iterable[CompiledFrame], frame: Frame) -> Answer:
    """Hold a frame against entries: the one with the fewest violations is the one that was meant; of two the first.

    One whose own options drop guards answers although they are violated.
    """
    closest = Answer(None)
    for entry in entries:
        answers = entry.answers(frame.f_locals)
        found = () if answers and entry.all_guards is None else _violated(entry, frame)
        if answers:
            return Answer(entry, holds=True, violated=found)
        if closest.entry is None or len(found) < len(closest.violated):
            closest = Answer(entry, violated=found)
    return closest


def _violated(entry: CompiledFrame, frame: Frame) -> tuple[ViolatedGuard, ...]:
    found = _all_violated(entry, frame)
    if entry.all_guards is None or not found:
        return found
    asked = {_same(guard) for guard in _all_violated(entry.as_asked, frame)}
    return tuple(guard if _same(guard) in asked else replace(guard, checked=Checked.NEVER) for guard in found)


def _same(guard: ViolatedGuard) -> tuple[object, ...]:
    return guard.source, guard.aspect, guard.dim


def _all_violated(entry: CompiledFrame, frame: Frame) -> tuple[ViolatedGuard, ...]:
    if entry.guard_tree.holds(frame.f_locals):
        return ()
    asked = Asked(entry, frame)
    return (*violated(asked), *(_settings(frame) if asked.ambient_violated else ()))


def _settings(frame: Frame) -> tuple[ViolatedGuard, ...]:
    """Process-wide state that differs between the profile call and this one, as violated guards."""
    return tuple(
        ViolatedGuard(
            source="",
            path=difference.path,
            guard_type=_GUARD_TYPE,
            aspect=Aspect.AMBIENT,
            owner=Owner.AMBIENT,
            expected=difference.profile,
            actual=difference.serving,
            location=None,
            region=frame.region,
            frame=frame.function,
            condition=Condition(Asks.STATE),
            checked=frame.checked,
        )
        for difference in (ambient.differences(*frame.settings) if frame.settings else ())
        if difference.path.startswith("ambient.")
    )
