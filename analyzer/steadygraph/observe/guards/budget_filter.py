"""The filter that keeps the guards of a budget: what ``torch.compile`` takes as ``guard_filter_fn``."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from steadygraph.errors import UsageError
from steadygraph.model.budget import FrameId, GuardId, KeptGuard
from steadygraph.model.words import PROFILE

OnMissing = Literal["warn", "raise", "keep_all"]
ON_MISSING: tuple[OnMissing, ...] = ("warn", "raise", "keep_all")
_HINT = "find out anew which guards matter: steadygraph budget"


class BudgetFilter:
    """Says which of the guards that Dynamo has made for a frame are kept.

    A guard is found again by its source, its type and the line that made it.  Where the line is another, all on the
    same source and of the same type are meant; where there are none, as in what is compiled again for a call that
    violated one, what takes their place is kept: whatever is asked of the same source, or else of what it holds.

    Args:
        kept: What is to be kept.
        frames: The compiled functions that the budget knows.
        whole: Those of which all guards are kept: the profile call did not compile them.
        on_missing: What is done where the model lacks a guard, or has a function that the budget does not know:
            ``warn``, ``raise``, or ``keep_all`` guards of that function.
        label: Begins the sentence about it.
    """

    def __init__(
        self,
        kept: Sequence[KeptGuard],
        frames: Sequence[FrameId],
        whole: Sequence[FrameId] = (),
        *,
        on_missing: OnMissing,
        label: str,
    ) -> None:
        self._kept, self._frames, self._whole = kept, frozenset(frames), frozenset(whole)
        self._on_missing, self._label = on_missing, label
        #: The first entry of a function is the one that the guards of the profile call belong to.
        self._seen: set[FrameId] = set()

    def __call__(self, entries: Sequence[Any]) -> list[bool]:
        from steadygraph.torch_private import frame_id, guard_id

        guards = _Guards(map(guard_id, entries))
        frame = next((found for found in map(frame_id, entries) if found is not None), None)
        keep = {place for one in self._kept for place in guards.standing_for(one.guard)}
        missing = list(self._missing(guards, frame))
        if frame in self._whole or (missing and self._tell(missing) == "keep_all"):
            return [True] * len(entries)
        return [place in keep for place in range(len(entries))]

    def _missing(self, guards: _Guards, frame: FrameId | None) -> Iterator[str]:
        if frame is None or frame in self._seen:
            return
        self._seen.add(frame)
        if frame not in self._frames:
            yield f"it knows no compiled function {frame.function} in {frame.file}"
        for one in self._kept:
            if one.frame == frame and one.made_for == PROFILE and not guards.has(one.guard.source):
                yield f"{frame.function} in {frame.file} has no guard on {one.guard.source or one.guard.guard_type}"

    def _tell(self, missing: Sequence[str]) -> OnMissing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        said = f"{self._label} does not fit the model: {missing[0]}{more}"
        if self._on_missing == "raise":
            raise UsageError(said, hint=_HINT)
        kept = "; all guards of this function are kept" if self._on_missing == "keep_all" else ""
        warnings.warn(f"{said}{kept}; {_HINT}", stacklevel=2)
        return self._on_missing


class _Guards:
    """The guards of one frame, by their sources."""

    def __init__(self, guards: Iterable[GuardId]) -> None:
        self._places: dict[str, list[tuple[int, GuardId]]] = defaultdict(list)
        for place, guard in enumerate(guards):
            self._places[guard.source].append((place, guard))

    def has(self, source: str) -> bool:
        return source in self._places or any(_is_below(other, source) for other in self._places)

    def standing_for(self, wanted: GuardId) -> Sequence[int]:
        """Where the guard is, or what takes its place."""
        found = self._places.get(wanted.source, ())
        alike = [one for one in found if one[1].guard_type == wanted.guard_type]
        exact = [one for one in alike if one[1] == wanted]
        # Without a source it is one on the process, or on sizes: another type asks about something else.
        same = exact or alike or (found if wanted.source else ())
        return [place for place, _ in same or self._below(wanted.source)]

    def _below(self, source: str) -> Iterator[tuple[int, GuardId]]:
        for other, guards in self._places.items():
            if _is_below(other, source):
                yield from guards


def _is_below(other: str, source: str) -> bool:
    """Is a source read from what another one gives?"""
    return bool(source) and other.startswith(source) and other[len(source) :].startswith((".", "["))
