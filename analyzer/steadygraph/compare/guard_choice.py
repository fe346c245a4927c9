"""The guards worth keeping, chosen by which calls violate which.

What the profile call compiled answers every call whose frames violate no guard that is kept.  So one must be kept for
each frame that it would answer wrongly, and none that a call violates which it answers rightly.  What is compiled then
stays in the cache beside it, and is not to answer the calls of the first one: some guard of it must be kept too.  The
same holds where the profile call compiled a code object more than once, as for two modules of one class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from steadygraph.compare.hitting_set import smallest
from steadygraph.model import PROFILE
from steadygraph.model.budget import GuardId

_WITHOUT_WORDS = frozenset({"NOT_PRESENT_IN_GENERIC_DICT", "EMPTY_NN_MODULE_HOOKS_DICT", "DUPLICATE_INPUT"})


@dataclass(frozen=True, slots=True)
class SurveyedEntry:
    """One entry of the cache.

    Args:
        code: Which code object it was compiled for.
        made_for: The call in which that happened: what the profile call made answers where guards are dropped.
        digest: What it computes; empty if that is not known.
        guards: In the order in which they were made.
    """

    code: int
    made_for: str
    digest: str
    guards: tuple[GuardId, ...]

    def computes(self, other: SurveyedEntry) -> bool:
        """Is it known to compute the same?"""
        return bool(self.digest) and self.digest == other.digest


@dataclass(frozen=True, slots=True)
class SurveyedFrame:
    """A frame of a call, held against every entry of its code.

    Args:
        call: Its name.
        code: Which code object runs.
        answered: The entry that runs with all guards kept; None: it runs as plain Python.
        violated: By entry, the positions of the guards that the frame violates; an entry without any holds.
    """

    call: str
    code: int
    answered: int | None
    violated: Mapping[int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Survey:
    """Who violates what: every entry of the recording, and every frame of its calls."""

    entries: tuple[SurveyedEntry, ...]
    frames: tuple[SurveyedFrame, ...]

    def of_profile(self, code: int) -> tuple[int, ...]:
        """The entries of this code that the profile call made."""
        found = enumerate(self.entries)
        return tuple(index for index, entry in found if entry.code == code and entry.made_for == PROFILE)

    def is_answered_at_profile(self, frame: SurveyedFrame) -> bool:
        """Is it answered by what the profile call made, with all guards kept?"""
        return frame.answered in self.of_profile(frame.code)

    def closest_of_profile(self, frame: SurveyedFrame) -> int | None:
        """The entry of the profile call that is meant for a frame: the one that answers, or lacks the least."""
        known = self.of_profile(frame.code)
        if frame.answered in known or not known:
            return frame.answered if known else None
        return min(known, key=lambda index: len(frame.violated.get(index, ())))


@dataclass(frozen=True, slots=True)
class Stops:
    """What a guard is kept for: the calls that it keeps from an entry."""

    calls: tuple[str, ...]
    entry: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The smallest choice of guards.

    Args:
        kept: Each with the calls that it stops, and where.
        at_least: No choice is smaller.
        unseen: Scenarios that violate no guard at all.
        confused: Scenarios, with calls that are right without guards and violate all that they do.
    """

    kept: Mapping[GuardId, Stops]
    at_least: int
    unseen: tuple[str, ...] = ()
    confused: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """A frame that an entry must not answer."""

    call: str
    entry: int
    guards: frozenset[GuardId]


def choose(survey: Survey, wrong: Collection[str], right: Collection[str]) -> Choice:
    """The fewest guards such that each wrong call violates one and no right call does.

    Where there is no such choice, the wrong call is stopped all the same, at the price of as few right ones as can be.

    Args:
        survey: Who violates what.
        wrong: Calls that are to be stopped; where guards are kept they are right.
        right: Calls that are right without any guard.
    """
    rows = dict.fromkeys(_wrong_rows(survey, wrong))
    stopped = {row.call for row in rows}
    rows |= dict.fromkeys((*_shared_rows(survey), *_later_rows(survey, wrong)))
    costs = _costs(survey, right)
    meets: dict[GuardId, set[_Row]] = defaultdict(set)
    confused: dict[str, tuple[str, ...]] = {}
    for row in rows:
        cost = min((len(costs[guard]) for guard in row.guards), default=0)
        eligible = [guard for guard in row.guards if len(costs[guard]) == cost]
        if cost:
            confused[row.call] = tuple(sorted(set.union(*(costs[guard] for guard in eligible))))
        for guard in eligible:
            meets[guard].add(row)
    found = smallest({guard: meets[guard] for guard in sorted(meets, key=_preference)})
    return Choice(
        kept={guard: _stopped(survey, guard, rows) for guard in found.chosen},
        at_least=found.at_least,
        unseen=tuple(call for call in wrong if call not in stopped),
        confused=tuple(sorted(confused.items())),
    )


def _wrong_rows(survey: Survey, wrong: Collection[str]) -> Iterator[_Row]:
    """The frames of wrong calls that must be compiled again: those that need another graph.

    If the graphs tell nothing, they are all that the entries of the profile call do not answer with all guards kept.
    """
    for call in wrong:
        strays = [
            (index, frame)
            for frame in survey.frames
            if frame.call == call and not survey.is_answered_at_profile(frame)
            for index in survey.of_profile(frame.code)
            if frame.violated.get(index)
        ]
        others = [one for one in strays if not _computes(survey, one[1].answered, one[0])]
        for index, frame in others or strays:
            yield _Row(call, index, _guards(survey, index, frame))


def _shared_rows(survey: Survey) -> Iterator[_Row]:
    """The frames of which the profile call has made an entry, and another entry for the same code."""
    for frame in filter(survey.is_answered_at_profile, survey.frames):
        for index in survey.of_profile(frame.code):
            if frame.violated.get(index) and not _computes(survey, frame.answered, index):
                yield _Row(frame.call, index, _guards(survey, index, frame))


def _later_rows(survey: Survey, wrong: Collection[str]) -> Iterator[_Row]:
    """The frames of any call that an entry made for a wrong one would not answer with all its guards.

    There they are all left to others: the same graph may have kernels of its own for other sizes.
    """
    for index, entry in enumerate(survey.entries):
        for frame in survey.frames if entry.made_for in wrong else ():
            if frame.code == entry.code and frame.violated.get(index):
                yield _Row(frame.call, index, _guards(survey, index, frame))


def _computes(survey: Survey, one: int | None, other: int) -> bool:
    return one is not None and survey.entries[one].computes(survey.entries[other])


def _guards(survey: Survey, index: int, frame: SurveyedFrame) -> frozenset[GuardId]:
    return frozenset(survey.entries[index].guards[position] for position in frame.violated[index])


def _costs(survey: Survey, right: Collection[str]) -> Mapping[GuardId, set[str]]:
    """The right calls that each guard would stop."""
    found: dict[GuardId, set[str]] = defaultdict(set)
    for frame in survey.frames:
        index = survey.closest_of_profile(frame) if frame.call in right else None
        for guard in _guards(survey, index, frame) if index is not None and index in frame.violated else ():
            found[guard].add(frame.call)
    return found


def _stopped(survey: Survey, guard: GuardId, rows: Collection[_Row]) -> Stops:
    """The calls that a guard keeps from an entry of the profile call; of one that these lack, from a later one."""
    found = [row for row in rows if guard in row.guards]
    first = [row for row in found if survey.entries[row.entry].made_for == PROFILE]
    return Stops(tuple(dict.fromkeys(row.call for row in first or found)), (first or found)[0].entry)


def _preference(guard: GuardId) -> tuple[bool, int, bool, GuardId]:
    """What is nearest to an argument is read, and checked, first; process-wide state is the last resort.

    Some ask for nothing that somebody could read, and fail because what they look at is of another type.
    """
    return not guard.source, len(guard.source), guard.guard_type in _WITHOUT_WORDS, guard
