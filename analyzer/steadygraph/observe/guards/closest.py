"""What the entries of Dynamo's cache say to a frame: which of them answers, or what the closest one sees violated."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from steadygraph.compare import ambient
from steadygraph.model import Asks, Aspect, Checked, Condition, Location, Owner, ViolatedGuard
from steadygraph.observe.guards.asked import Asked, Frame
from steadygraph.observe.guards.decorated import Decorated
from steadygraph.observe.guards.guard_places import GuardPlaces
from steadygraph.observe.guards.inspection import violated
from steadygraph.observe.places import locations
from steadygraph.torch_private.entries import CompiledFrame

#: What a mark makes right: an entry that lacks nothing else was made for calls like this one.
_SIZES = (Aspect.SHAPE, Aspect.STRIDE)
#: Ambient settings that Dynamo guards (GRAD_MODE, GLOBAL_STATE, DEFAULT_DEVICE, TORCH_FUNCTION_STATE).
_GUARD_TYPE = "GLOBAL_STATE"


@dataclass(frozen=True, slots=True)
class Answer:
    """The entry that answers, or the closest one, and what it sees violated; None: there are no entries."""

    entry: CompiledFrame | None
    holds: bool = False
    violated: tuple[ViolatedGuard, ...] = ()
    #: The function behind the decorators of the frame, if it has some.
    decorated: Decorated | None = None

    def place(self, guard: ViolatedGuard, later: Sequence[CompiledFrame]) -> Location | None:
        """The line of the model that is to be shown for a guard of ``violated``.

        What decorators alone look at in this entry, the model may look at in later ones; failing that it is the line
        that leads to the decorator, or that names the parameter first.
        """
        entries = [] if self.entry is None else [self.entry]
        read = (GuardPlaces(entry).of(guard.source) for entry in later)
        called = (GuardPlaces(entry).led_to(guard.source) for entry in (*entries, *later))
        decorator = (GuardPlaces(entry).decorator(guard.source) for entry in entries)
        found = itertools.chain([guard.location], read, called, [self._named(guard)], decorator)
        return next((where for where in found if where is not None), None)

    def _named(self, guard: ViolatedGuard) -> Location | None:
        if self.decorated is None or guard.owner is Owner.AMBIENT:
            return None
        code, name = self.decorated.code, re.split(r"\W", guard.path)[0]
        return locations.first_use(code, name) or locations.of_definition(code)


def answer(entries: Iterable[CompiledFrame], frame: Frame) -> Answer:
    """Hold a frame against entries: the one with the fewest violations is the one that was meant; of two the first.

    One that was made for another module, a layer that shares its code, was not meant, whatever its arguments; nor was
    one for arguments of another kind where sizes alone are in the way of a second one.  One whose own options drop
    guards answers although they are violated.
    """
    closest = Answer(None)
    for entry in entries:
        answers = entry.answers(frame.f_locals)
        found = () if answers and entry.all_guards is None else _violated(entry, frame)
        if answers:
            return Answer(entry, holds=True, violated=found, decorated=frame.names.decorated)
        if closest.entry is None or _distance(found) < _distance(closest.violated):
            closest = Answer(entry, violated=found, decorated=frame.names.decorated)
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


def _distance(found: Sequence[ViolatedGuard]) -> tuple[int, int, int]:
    others = sum(guard.owner in (Owner.MODULE, Owner.OBJECT) for guard in found)
    return others, sum(guard.aspect not in _SIZES for guard in found), len(found)


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
