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
from steadygraph.observe.state import code_state
from steadygraph.observe.state.touched import (
    ATTRIBUTE,
    GLOBAL,
    Mark,
    Marks,
    Place,
    checksum,
    of_arguments,
    of_globals,
    of_model,
    touched,
)
from steadygraph.policies import proof
from steadygraph.policies.proof import FrozenOutput

#: Of a leaf, which is its whole structure.
_LEAF = ""
_LASTING = (ATTRIBUTE, GLOBAL)
#: Copies of what eager mode wrote, over all calls; beyond that checksums have to do.
COPIES_BYTES = 512 * 2**20
_ABSENT = "is there in eager mode, and is not here"
_EXTRA = "is there, and is not in eager mode"
_UNWRITTEN = "is written in eager mode, and left as it was here"
_OTHER = "holds other data than in eager mode"
_WRITTEN = "is written, and eager mode leaves it as it was"


@dataclass(frozen=True, slots=True, eq=False)
class Left:
    """What eager mode left behind after one call.

    ``changed`` are copies; of what is too large for one there is a checksum in ``summed``.  ``untouched`` tells by a
    checksum, or a text, whether somebody else has written there.  None stands for a checksum that is not known.
    """

    changed: Mapping[Place, FrozenOutput] = field(default_factory=dict)
    summed: Mapping[Place, object] = field(default_factory=dict)
    untouched: Mapping[Place, object] = field(default_factory=dict)
    gone: frozenset[Place] = frozenset()
    output: FrozenOutput | None = None

    @property
    def touched(self) -> tuple[Place, ...]:
        """Where something is new, or gone."""
        return (*self.changed, *self.summed, *sorted(self.gone))


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

    def start(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], *, prepared: bool) -> None:
        """A call begins; something was ``prepared`` for it since the last one ended."""

    def end(self, name: str, output: FrozenOutput | None) -> Effects:
        """It has ended; ``output`` is None if it failed."""


class _Places:
    """The places that the calls of a pass can reach, before and after each of them.

    Args:
        arguments_only: By way of their arguments alone: the caller sees to the model.
    """

    def __init__(self, *, arguments_only: bool = False) -> None:
        self._arguments_only = arguments_only
        self._call: tuple[nn.Module, Sequence[Any], Mapping[str, Any]] | None = None
        self._arguments: Marks = {}
        #: Module-level names that the model's code mentions, with their namespaces.
        self._globals: Mapping[str, Mapping[str, Any]] | None = None
        #: The model, and these, as the last call left them: nobody touches them in between.
        self._model: Marks | None = None

    def start(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], *, prepared: bool) -> None:
        self._call = (model, args, kwargs)
        self._arguments = of_arguments(model, args, kwargs)
        if self._globals is None and not self._arguments_only:
            self._globals = code_state.names_in(model)
        if prepared or self._model is None:
            self._model = self._lasting(model)

    def end(self) -> tuple[Marks, set[Place]]:
        """All places after the call, and those that it touched."""
        if self._call is None or self._model is None:
            raise RuntimeError("no call has begun")
        before = {**self._arguments, **self._model}
        self._arguments, self._model = of_arguments(*self._call), self._lasting(self._call[0])
        after = {**self._arguments, **self._model}
        self._call, self._arguments = None, {}
        return after, touched(before, after)

    def _lasting(self, model: nn.Module) -> Marks:
        return {} if self._arguments_only else {**of_model(model), **of_globals(self._globals or {})}


class Recorder:
    """The eager pass: keeps what every call left behind.

    Args:
        room_bytes: For copies, of all calls together.
        arguments_only: Keep what they left in their arguments alone.
    """

    def __init__(self, room_bytes: int = COPIES_BYTES, *, arguments_only: bool = False) -> None:
        self._room_bytes = room_bytes
        self._places = _Places(arguments_only=arguments_only)
        self._known: dict[Place, tuple[Mark, object]] = {}

    def start(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], *, prepared: bool) -> None:
        self._places.start(model, args, kwargs, prepared=prepared)

    def end(self, name: str, output: FrozenOutput | None) -> Effects:
        after, written = self._places.end()
        changed, summed = self._kept({place: mark.value for place, mark in after.items() if place in written})
        known = {place: (mark, self._contents(place, mark)) for place, mark in after.items() if place not in written}
        # Arguments do not outlive their call.
        self._known = {place: pair for place, pair in known.items() if place.startswith(_LASTING)}
        untouched = {place: contents for place, (_, contents) in known.items()}
        return Effects(left=Left(changed, summed, untouched, frozenset(written - after.keys()), output))

    def _kept(self, written: Mapping[Place, Any]) -> tuple[dict[Place, FrozenOutput], dict[Place, object]]:
        copied, summed = {}, {}
        for place, value in written.items():
            size = _size_bytes(value)
            if size > self._room_bytes:
                summed[place] = _data(value)
                continue
            self._room_bytes -= size
            copied[place] = proof.freeze(value)
        return copied, summed

    def _contents(self, place: Place, mark: Mark) -> object:
        if place in self._known and not self._known[place][0].differs_from(mark):
            return self._known[place][1]
        return _contents(mark)


class Comparer:
    """A pass under a policy: says where a call left something else than eager mode.

    Args:
        truth: What eager mode left after each call; of several the first counts, and any of them is right.
        largest_noise: How much otherwise than in eager mode numbers may be rounded, which is measured in the profile
            call; 0: not at all.
        tensors_only: Python values are not looked at: a captured graph runs no Python.
        arguments_only: Nor is anything but the arguments.
    """

    def __init__(
        self,
        truth: Mapping[str, Sequence[Left]],
        *,
        largest_noise: float = 0.0,
        tensors_only: bool = False,
        arguments_only: bool = False,
    ) -> None:
        self._truth = truth
        self._rounds = largest_noise > 0
        self._largest_noise = largest_noise
        self._tensors_only = tensors_only
        self._noise: dict[Place, float] = {}
        self._places = _Places(arguments_only=arguments_only)
        #: Places of the model that are different, and since which call.
        self._since: dict[Place, str] = {}

    def start(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], *, prepared: bool) -> None:
        self._places.start(model, args, kwargs, prepared=prepared)

    def end(self, name: str, output: FrozenOutput | None) -> Effects:
        after, written = self._places.end()
        if name not in self._truth:
            return Effects()
        truth = self._truth[name]
        if name == PROFILE and self._rounds:
            self._measure(truth[0], output, after)
        earlier = tuple(self._since.items())
        wrong = []
        with torch_private.without_modes():
            by_eager = dict.fromkeys(place for left in truth for place in left.touched)
            for place in (*by_eager, *sorted(written.difference(by_eager))):
                effect = self._wrong(place, truth, after.get(place), place in written)
                since = self._since.get(place)
                if effect is None:
                    self._since.pop(place, None)
                    continue
                if place.startswith(_LASTING):
                    self._since.setdefault(place, name)
                both = place in written and place in by_eager
                wrong.append(replace(effect, since=since if both else None))
        unknown = any(frozen.lacks_values for left in truth for frozen in left.changed.values())
        return Effects(wrong=tuple(wrong), before=earlier, lacks_values=unknown)

    def _wrong(self, place: Place, truth: Sequence[Left], mark: Mark | None, written: bool) -> Effect | None:
        effects = [self._difference(place, left, mark, written) for left in truth]
        return None if None in effects else effects[0]

    def _difference(self, place: Place, truth: Left, mark: Mark | None, written: bool) -> Effect | None:
        if place in truth.changed:
            return self._against_copy(place, truth.changed[place], mark)
        if place in truth.summed:
            return self._against_checksum(place, truth.summed[place], mark, written)
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
        return None if found.detail is None else Effect(place, _quoted(place, found.detail), found.max_abs_error)

    def _against_checksum(self, place: Place, expected: object, mark: Mark | None, written: bool) -> Effect | None:
        if mark is None:
            return Effect(place, f"{place} {_ABSENT}")
        actual = _data(mark.value) if torch_private.is_tensor(mark.value) else None
        # Where numbers are rounded otherwise, other data may be right.
        if (written and self._rounds) or expected is None or actual is None or expected == actual:
            return None
        return Effect(place, f"{place} {_OTHER if written else _UNWRITTEN}")

    def _is_skipped(self, mark: Mark | None) -> bool:
        return self._tensors_only and (mark is None or not torch_private.is_tensor(mark.value))

    def _measure(self, truth: Left, output: FrozenOutput | None, after: Marks) -> None:
        if truth.output is not None and output is not None:
            self._noise.update(proof.noise(truth.output, output, self._largest_noise))
        for place in truth.changed.keys() & after.keys():
            measured = proof.noise(truth.changed[place], proof.live(after[place].value), self._largest_noise)
            self._noise[place] = max(measured.values(), default=0.0)


def _quoted(place: Place, detail: str) -> str:
    """What belongs to a path stands inside of its quotes: "argument `x.shape[0]`: 2 in eager mode, 3 here"."""
    path, colon, words = detail.removeprefix(place).partition(": ")
    return f"{place.removesuffix('`')}{path}`{colon}{words}"


def _is_tensor(frozen: FrozenOutput) -> bool:
    return any(torch_private.is_tensor(value) for _, value in frozen.leaves)


def _contents(mark: Mark) -> object:
    """What is equal if the data is; None where that is not to be had at a reasonable price."""
    if not torch_private.is_tensor(mark.value):
        return mark.state
    # Parameters are rarely written, and most of a model.
    return None if isinstance(mark.value, nn.Parameter) else _data(mark.value)


def _data(tensor: torch.Tensor) -> object:
    data, spec = checksum(tensor), tensor_spec(tensor)
    return None if data is None else (spec.shape, spec.dtype, spec.device, data)


def _size_bytes(value: object) -> int:
    if not torch_private.is_tensor(value) or torch_private.is_fake(value) or value.is_meta:
        return 0
    return value.numel() * value.itemsize
