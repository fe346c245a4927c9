"""Calls that a policy without guards need not run: they ran already, the same code on the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile

from torch import nn

from steadygraph.observe.inputs import ambient
from steadygraph.observe.state.state import ModelState
from steadygraph.policies.runs import CallResult


class Beginnings:
    """The calls of the eager pass that found everything as the first one did.

    Args:
        model: Whose calls they are.
        state: Its state before its first call.
    """

    def __init__(self, model: nn.Module, state: ModelState) -> None:
        self._model, self._state = model, state
        #: What a call may set for the whole process.
        self._settings = ambient.capture(model)
        self._unchanged = True
        self.found: set[str] = set()

    def start(self, call: str) -> None:
        """It is about to begin."""
        same = self._unchanged and ambient.capture(self._model) == self._settings
        self._unchanged = same and not self._state.changed()
        if self._unchanged:
            self.found.add(call)


def leading(
    eager: Mapping[str, CallResult],
    kept: Mapping[str, CallResult],
    beginnings: Beginnings,
    as_dropped: Callable[[str], bool],
) -> tuple[str, ...]:
    """The calls that need no run of their own; those after them begin in the state of the first.

    Args:
        eager: What each call gave in eager mode.
        kept: What it gave with guards kept.
        beginnings: Of the calls in eager mode.
        as_dropped: Did a call, guards kept, run what runs if they are dropped?
    """
    shared = tuple(takewhile(lambda name: as_dropped(name) and not kept[name].raised, kept))
    if len(shared) == len(kept):
        return shared
    first = list(kept)[len(shared)]
    # What these calls left behind would be missing.
    alone = begins_afresh(first, eager, beginnings) and not any(kept[name].effects.wrong for name in shared)
    return shared if alone else ()


def begins_afresh(call: str, eager: Mapping[str, CallResult], beginnings: Beginnings) -> bool:
    """Is all as if there had been no calls before this one?"""
    earlier = takewhile(lambda name: name != call, eager)
    return call in beginnings.found and all(_leaves_nothing(eager[name]) for name in earlier)


def _leaves_nothing(eager: CallResult) -> bool:
    left = eager.effects.left
    return left is not None and not (left.changed or left.summed or left.gone)
