"""What a call leaves behind: in its arguments, and in the model.  Held against what eager mode left, place by place.

Only what a call has touched is compared, in eager mode or under the policy, and only what eager mode touched is copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.model import PROFILE
from steadygraph.observe.inputs.structure import tensor_spec
from steadygraph.observe.state.touched import Mark, Marks, Place, checksum, marks, touched
from steadygraph.policies import proof
from steadygraph.policies.proof import FrozenOutput

#: Of a leaf, which is its whole structure.
_LEAF = ""
_ABSENT = "is there in eager mode, and is not here"
_EXTRA = "is there, and is not in eager mode"
_WRITTEN = "is written, and eager mode leaves it as it was"


@dataclass(frozen=True, slots=True, eq=False)
class Left:
    """What eager mode left behind after one call.

    ``changed`` are copies.  ``untouched`` tells by a checksum, or a text, whether somebody else has written there; None
    where that is not known.
    """

    changed: Mapping[Place, FrozenOutput] = field(default_factory=dict)
    untouched: Mapping[Place, object] = field(default_factory=dict)
    output: FrozenOutput | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """A place that a call left otherwise than eager mode did.

    ``since`` is the earlier call from which on it was different, if this call's own write need not be at fault.
    """

    place: Place
    detail: str
    max_abs_error: float | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Effects:
    """Of one call: what it left (in eager mode), or where that differs (under a policy)."""

    left: Left | None = None
    wrong: tuple[Effect, ...] = ()
    #: Places that were already different when the call began, and since when.
    before: tuple[tuple[Place, str], ...] = ()
    #: Something was written that has no values.
    lacks_values: bool = False


class Watch(Protocol):
    """Looks at the places around each call of a pass."""

    def start(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """A call begins."""

    def end(self, name: str, output: FrozenOutput | None) -> Effects:
        """It has ended; ``output`` is None if it failed."""


class _Places:
    """The places that one call can reach, before and after it."""

    def __init__(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._call = (model, args, kwargs)
        self.before = marks(*self._call)

    def after(self) -> Marks:
        return marks(*self._call)


class Recorder:
    """The eager pass: keeps what every call left behind."""

    def __init__(self) -> None:
        self._places: _Places | None = None
        self._known: dict[Place, tuple[Mark, object]] = {}

    def start(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._places = _Places(model, args, kwargs)

    def end(self, name: str, output: FrozenOutput | None) -> Effects:
        assert self._places is not None
        before, after = self._places.before, self._places.after()
        self._places = None
        written = touched(before, after)
        changed = {place: proof.freeze(mark.value) for place, mark in after.items() if place in written}
        known = {place: (mark, self._contents(place, mark)) for place, mark in after.items() if place not in written}
        # Arguments do not outlive their call.
        self._known = {place: pair for place, pair in known.items() if place.startswith("attribute")}
        return Effects(left=Left(changed, {place: contents for place, (_, contents) in known.items()}, output))

    def _contents(self, place: Place, mark: Mark) -> object:
        if place in self._known and not self._known[place][0].differs_from(mark):
            return self._known[place][1]
        return _contents(mark)


class Comparer:
    """A pass under a policy: says where a call left something else than eager mode.

    Args:
        truth: What eager mode left after each call.
        rounds: Numbers are rounded otherwise than in eager mode; how much is measured in the profile call.
        tensors_only: Python values are not looked at: a captured graph runs no Python.
    """

    def __init__(self, truth: Mapping[str, Left], *, rounds: bool = False, tensors_only: bool = False) -> None:
        self._truth = truth
        self._rounds = rounds
        self._tensors_only = tensors_only
        self._noise: dict[Place, float] = {}
        self._places: _Places | None = None
        #: Places of the model that are different, and since which call.
        self._since: dict[Place, str] = {}

    def start(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._places = _Places(model, args, kwargs)

    def end(self, name: str, output: FrozenOutput | None) -> Effects:
        assert self._places is not None
        before, after = self._places.before, self._places.after()
        self._places = None
        if name not in self._truth:
            return Effects()
        truth, written = self._truth[name], touched(before, after)
        if name == PROFILE and self._rounds:
            self._measure(truth, output, after)
        earlier = tuple(self._since.items())
        wrong = []
        with torch_private.without_modes():
            for place in (*truth.changed, *sorted(written - truth.changed.keys())):
                effect = self._difference(place, truth, after.get(place))
                since = self._since.get(place)
                if effect is None:
                    self._since.pop(place, None)
                    continue
                if place.startswith("attribute"):
                    self._since.setdefault(place, name)
                both = place in written and place in truth.changed
                wrong.append(replace(effect, since=since if both else None))
        unknown = any(frozen.lacks_values for frozen in truth.changed.values())
        return Effects(wrong=tuple(wrong), before=earlier, lacks_values=unknown)

    def _difference(self, place: Place, truth: Left, mark: Mark | None) -> Effect | None:
        if place in truth.changed:
            return self._against_copy(place, truth.changed[place], mark)
        if self._is_skipped(mark):
            return None
        if mark is None:
            return Effect(place, f"{place} {_ABSENT}") if place in truth.untouched else None
        if place not in truth.untouched:
            return Effect(place, f"{place} {_EXTRA}")
        expected, actual = truth.untouched[place], _contents(mark)
        if expected is None or actual is None or expected == actual:
            return None
        return Effect(place, f"{place} {_WRITTEN}")

    def _against_copy(self, place: Place, expected: FrozenOutput, mark: Mark | None) -> Effect | None:
        if self._tensors_only and not _is_tensor(expected):
            return None
        if mark is None:
            return Effect(place, f"{place} {_ABSENT}")
        noise = {_LEAF: self._noise.get(place, max(self._noise.values(), default=0.0))} if self._rounds else None
        found = proof.compare(expected, proof.live(mark.value), noise=noise, root=place)
        return None if found.detail is None else Effect(place, found.detail, found.max_abs_error)

    def _is_skipped(self, mark: Mark | None) -> bool:
        return self._tensors_only and (mark is None or not isinstance(mark.value, torch.Tensor))

    def _measure(self, truth: Left, output: FrozenOutput | None, after: Marks) -> None:
        if truth.output is not None and output is not None:
            self._noise.update(proof.noise(truth.output, output))
        for place in truth.changed.keys() & after.keys():
            measured = proof.noise(truth.changed[place], proof.live(after[place].value))
            self._noise[place] = max(measured.values(), default=0.0)


def _is_tensor(frozen: FrozenOutput) -> bool:
    return any(isinstance(value, torch.Tensor) for _, value in frozen.leaves)


def _contents(mark: Mark) -> object:
    """What is equal if the data is; None where that is not to be had at a reasonable price."""
    value = mark.value
    if not isinstance(value, torch.Tensor):
        return mark.state
    if isinstance(value, nn.Parameter):  # rarely written, and most of a model
        return None
    data = checksum(value)
    spec = tensor_spec(value)
    return None if data is None else (spec.shape, spec.dtype, spec.device, data)
