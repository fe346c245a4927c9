"""Policy ``budget``: the guards that matter are kept, and a violated one recompiles."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steadygraph import torch_private
from steadygraph.compare import guard_choice
from steadygraph.compare.guard_choice import Choice
from steadygraph.model import PROFILE, Consequence, Outcome, Policy, Result
from steadygraph.model.budget import Budget, FrameId, GuardClass, GuardId, GuardSet, KeptGuard, Unprotected
from steadygraph.observe.guards.budget_filter import BudgetFilter
from steadygraph.observe.run.guard_work import GuardWork
from steadygraph.policies import filtered
from steadygraph.policies.bench import Bench
from steadygraph.policies.guard_prices import PriceList
from steadygraph.policies.guard_survey import Surveyed, survey
from steadygraph.torch_private import wording

NONE, KEPT, ALL = "none", "budget", "all"
_BAD = (Consequence.SILENT_WRONG, Consequence.RAISES)
_RIGHT = (Result.SAME, Result.RECOMPILES)
Outcomes = Mapping[str, Sequence[Outcome]]


@dataclass(frozen=True, slots=True, eq=False)
class GuardBudget:
    """The deployment.

    Args:
        plan: Which guards are kept; None: that is not known yet.
    """

    plan: Plan | None = None
    policy = Policy.BUDGET

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        plan = self.plan or planned(bench, {})
        # Prices are the same whatever runs the graphs.
        work = GuardWork(plan.filter(), tell=None if plan.prices.frames else plan.price)
        return filtered.outcomes(bench, self.policy, backend, work, plan.calling)


def planned(bench: Bench, outcomes: Outcomes) -> Plan:
    """The guards to keep.

    Args:
        bench: What the recording left behind.
        outcomes: Of each call where guards are dropped and where they are kept.
    """
    surveyed = survey(bench)
    dropped = {call: [one for one in found if one.policy is Policy.DROP] for call, found in outcomes.items()}
    kept = {call: [one for one in found if one.policy is Policy.RECOMPILE] for call, found in outcomes.items()}
    bad = [call for call, found in dropped.items() if call != PROFILE and _is_bad(found)]
    helpless = tuple(call for call in bad if _is_bad(kept[call]))
    wrong = tuple(call for call in bad if call not in helpless)
    # The profile call made the guards; made once more, it may have other objects.
    right = tuple(call for call, found in dropped.items() if call != PROFILE and found and all(map(_is_right, found)))
    choice = guard_choice.choose(surveyed.survey, wrong, right)
    return Plan(surveyed, choice, tuple(_kept(surveyed, choice)), wrong, right, helpless)


def _is_bad(outcomes: Collection[Outcome]) -> bool:
    """By its own fault: what an earlier call left behind is gone where that one is stopped."""
    return any(one.consequence in _BAD and one.since is None for one in outcomes)


def _is_right(outcome: Outcome) -> bool:
    return outcome.consequence not in _BAD and (outcome.result in _RIGHT or outcome.predicted in _RIGHT)


def _kept(surveyed: Surveyed, choice: Choice) -> Iterator[KeptGuard]:
    made = list(surveyed.pairs())
    for guard, stops in choice.kept.items():
        entry, lone = made[stops.entry]
        one = next(one for one in lone if one.guard == guard)
        says = wording.said(guard.source, guard.guard_type, one.condition)
        yield KeptGuard(guard, says, one.condition, one.line, one.frame, stops.calls, entry.made_for)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What is kept and why, and what it costs as soon as it has been compiled.

    Args:
        surveyed: Who violates what.
        choice: What follows from it.
        kept: The guards chosen.
        wrong: The calls that they are to stop.
        right: Calls that are right without guards.
        helpless: Calls that are wrong with all guards kept, too.
    """

    surveyed: Surveyed
    choice: Choice
    kept: tuple[KeptGuard, ...]
    wrong: tuple[str, ...]
    right: tuple[str, ...]
    helpless: tuple[str, ...]
    prices: PriceList = field(init=False)
    _call: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prices", PriceList(self._choices()))

    @property
    def frames(self) -> tuple[FrameId, ...]:
        """The compiled functions, each once."""
        return tuple(dict.fromkeys(frame for _, frame in self._compiled()))

    @property
    def whole(self) -> tuple[FrameId, ...]:
        """Those that the profile call did not compile."""
        known = {frame for call, frame in self._compiled() if call == PROFILE}
        return tuple(frame for frame in self.frames if frame not in known)

    def _compiled(self) -> Iterator[tuple[str, FrameId]]:
        for entry, lone in self.surveyed.pairs():
            yield from ((entry.made_for, one.frame) for one in lone if one.frame is not None)

    def filter(self) -> BudgetFilter:
        return BudgetFilter(self.kept, self.frames, self.whole, on_missing="warn", label="the budget")

    @contextlib.contextmanager
    def calling(self, call: str) -> Iterator[None]:
        """A block for one of the calls, in which guards are made."""
        self._call[:] = [call]
        yield

    def price(self, workshop: torch_private.GuardWorkshop) -> None:
        """What the guards of a frame of the profile call cost."""
        if self._call == [PROFILE]:
            self.prices.add(workshop)

    def budget(self, outcomes: Outcomes) -> Budget:
        """All that is to be told, once the calls have run with these guards: ``outcomes`` are those."""
        return Budget(
            kept=self.kept,
            at_least=self.choice.at_least,
            wrong=self.wrong,
            unprotected=tuple(self._unprotected(outcomes)),
            sets=tuple(self._sets()),
            frames=self.frames,
            whole=self.whole,
            notes=tuple(self._notes()),
        )

    # --- choices of guards and their prices ------------------------------------------------------

    def _choices(self) -> dict[str, torch_private.Filter]:
        classes = {each.value: _of_class(each) for each in GuardClass}
        return {NONE: _no, KEPT: self.filter(), **classes, **torch_private.filters(), ALL: _yes}

    def _sets(self) -> Iterator[GuardSet]:
        for name in self.prices.choices:
            if name == ALL:
                yield GuardSet(Policy.SKIP_GUARD_EVAL.value, None)
            if self._is_told(name):
                yield self._set(name)

    def _is_told(self, name: str) -> bool:
        return name in (NONE, KEPT) or bool(self.prices.guards[name])

    def _set(self, name: str) -> GuardSet:
        guards = self.prices.ids.get(name, set())
        stopped = {call for call, violated in self._violated().items() if violated & guards}
        return GuardSet(
            name,
            self.prices.guards[name],
            self.prices.us_per_call(name),
            self.prices.memory_bytes[name] if self.prices.knows_memory else None,
            protects=tuple(call for call in self.wrong if call in stopped),
            stops=tuple(call for call in self.right if call in stopped),
        )

    def _violated(self) -> Mapping[str, set[GuardId]]:
        """The guards of the profile call that each call violates."""
        survey, found = self.surveyed.survey, dict[str, set[GuardId]]()
        for frame in survey.frames:
            index = survey.closest_of_profile(frame)
            if index is not None:
                guards = survey.entries[index].guards
                found.setdefault(frame.call, set()).update(guards[at] for at in frame.violated.get(index, ()))
        return found

    # --- what is said beside ---------------------------------------------------------------------

    def _unprotected(self, outcomes: Outcomes) -> Iterator[Unprotected]:
        for call in self.helpless:
            yield Unprotected(call, "it is no better where all guards are kept")
        for call in self.wrong:
            if call in self.choice.unseen:
                yield Unprotected(call, "it violates no guard: none can tell it from the profile call")
            elif _is_bad(outcomes.get(call, ())):
                yield Unprotected(call, "it is wrong with these guards, too, when it is run after the calls before it")

    def _notes(self) -> Iterator[str]:
        if self.choice.at_least < len(self.kept):
            yield (
                f"the search was cut short: {len(self.kept)} guards are enough, and no fewer than "
                f"{self.choice.at_least} can be"
            )
        for call, others in self.choice.confused:
            yield (
                f"guards cannot tell {call} from {', '.join(others)}: whatever it violates, one of those does, "
                "which are right without guards; it is stopped all the same, and so are they"
            )


def _of_class(about: GuardClass) -> torch_private.Filter:
    def keep(entries: Sequence[Any]) -> list[bool]:
        return [torch_private.guard_class(entry) is about for entry in entries]

    return keep


def _no(entries: Sequence[Any]) -> list[bool]:
    return [False] * len(entries)


def _yes(entries: Sequence[Any]) -> list[bool]:
    return [True] * len(entries)
