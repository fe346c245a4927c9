"""What is known of one compiled module or function: its profile call, and a scenario for each distinct structure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steadygraph.live import arguments, structure_key
from steadygraph.live.reproduction.kept_call import KeptCall
from steadygraph.live.scenario import Check, Scenario
from steadygraph.model import Observation
from steadygraph.observe.guards.decorated import closure
from steadygraph.observe.run.watching import WatchedRegion
from steadygraph.torch_private import EntryPoint, backend_name, locals_heard
from steadygraph.torch_private.entries import CompiledFrame

if TYPE_CHECKING:
    from steadygraph.live.hearing import Hearing

#: So many looks of calls are remembered; where there are more, the guards of the arguments are asked again.
_MOST_LOOKS = 1024
#: The locals of the frame that runs next in this thread, where Dynamo asks no guards: it hands them over.
_f_locals: ContextVar[Mapping[str, Any] | None] = ContextVar("steadygraph_f_locals", default=None)


@dataclass(eq=False)
class LiveRegion:
    """A region, and what was seen of it.

    Args:
        watched: Its forward, and the entries of the profile call.
        point: What ``torch.compile`` was told.
        every: All dropped guards are asked at every so many calls.
        failed: Told what goes wrong where calls are recognized.
    """

    watched: WatchedRegion
    point: EntryPoint
    every: int
    failed: Callable[[LiveRegion, Exception], object]
    profile: list[Observation] = field(default_factory=list)
    #: What it takes to make the first of them again.
    kept: KeptCall | None = None
    profile_calls: Scenario = field(default_factory=Scenario)
    #: By what tells one structure from another.
    scenarios: dict[Hashable, Scenario] = field(default_factory=dict)
    #: By what answers them, where guards are kept.
    answered: dict[CompiledFrame, Scenario] = field(default_factory=dict)
    #: By what can be seen of the arguments at once; with what is to be asked beside it.
    looks: dict[Hashable, tuple[Scenario, Check | None]] = field(default_factory=dict)
    #: Calls of structures that are too many to be observed.
    beyond: Scenario = field(default_factory=Scenario)
    #: Why it is watched no more; empty: it is.
    given_up: str = ""
    #: Whatever was compiled in its calls.
    compiled: list[CompiledFrame] = field(default_factory=list)
    #: Does what runs tell of its calls?
    settled: bool = False
    _hearings: list[Hearing] = field(default_factory=list)
    _checks: dict[CompiledFrame, Check] = field(default_factory=dict)
    _look: structure_key.Look | None = None
    #: Is the call that runs now, of which Dynamo handed over the locals, as one before?
    recognizes: Callable[[], bool] = bool

    def __post_init__(self) -> None:
        function = self.watched.forward.function
        self.bind = arguments.binder(function)
        names = self.watched.forward.names
        self._parameters = [name for name in arguments.parameters(function) if name != names.receiver]
        self._turns = itertools.count(1)
        self._is_asked_by_us = self.drops

    @property
    def name(self) -> str:
        return self.watched.name

    @property
    def shown(self) -> str:
        """How notes call it."""
        return f"`{self.name}`"

    @property
    def backend(self) -> str:
        """The back end that it is compiled with."""
        return backend_name(self.point.backend)

    @property
    def drops(self) -> bool:
        """Does nobody look at some of its guards?"""
        return self.point.filters_guards

    @property
    def profiled(self) -> bool:
        return bool(self.profile)

    @property
    def profile_entries(self) -> Sequence[CompiledFrame]:
        """Those that answered its own frame in the profile call."""
        return self.watched.entries.get(id(self.watched.code), ())

    # --- who hears of its calls --------------------------------------------------------------------

    def is_heard_by(self, hearing: Hearing) -> None:
        if hearing not in self._hearings:
            self._hearings.append(hearing)
            hearing.settled = self.settled

    def settle(self, entries: Sequence[CompiledFrame]) -> None:
        """Have what answers calls tell of them, so that nobody has to look at each: if all of it was seen compiling."""
        self.settled = bool(self.given_up) or (
            self.profiled and bool(entries) and bool(self._hearings) and all(map(_tells, entries))
        )
        for hearing in self._hearings:
            hearing.settled = self.settled

    def hears_locals(self, entry: CompiledFrame) -> None:
        """Have Dynamo hand over the locals of frames that this entry answers."""
        locals_heard(entry.guard_manager, _f_locals.set)

    # --- what can be told in microseconds ----------------------------------------------------------

    def counted(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Count a call that is as one before; False: it has to be looked at."""
        if not self.looks:
            return False
        f_locals = self.bind(args, kwargs)
        known, check = self.looks.get(self.look(f_locals), (None, None))
        if known is not None and next(self._turns) % self.every == 0:
            check = known.whole or _fails
        if known is None or (self._is_asked_by_us and check is not None and not check(f_locals)):
            return False
        known.count()
        return True

    def lets_locals_go(self) -> None:
        """Keep no argument alive."""
        if self._is_asked_by_us:
            _f_locals.set(None)

    def is_as_before(self, entry: CompiledFrame) -> bool:
        """The same of a call that an entry answers now."""
        if self._is_asked_by_us:
            return self.recognizes()
        known = self.answered.get(entry)
        if known is not None:
            known.tally.count()
        return known is not None

    def _recognizer(self, look: structure_key.Look) -> Callable[[], bool]:
        """The same where nobody else asks guards, by the locals that Dynamo hands over: one function, since each costs.

        Args:
            look: How the arguments look.
        """
        looks, turns, every = self.looks, self._turns, self.every
        handed, take = _f_locals.get, _f_locals.set

        def is_as_before() -> bool:
            f_locals = handed()
            if f_locals is None:
                return False
            take(None)
            try:
                known = looks.get(look(f_locals))
                if known is None:
                    return False
                scenario, check = known
                if next(turns) % every == 0:
                    check = scenario.whole or _fails
                if check is not None and not check(f_locals):
                    return False
                scenario.tally.count()
            except RuntimeError:
                return False
            except Exception as error:
                self.failed(self, error)
            return True

        return is_as_before

    def look(self, f_locals: Mapping[str, Any]) -> Hashable:
        """What can be seen of the arguments at once."""
        if self._look is None:
            self._look = structure_key.look(f_locals, self._parameters)
            self.recognizes = self._recognizer(self._look)
        try:
            return self._look(f_locals)
        except RuntimeError:
            return structure_key.look_of_any(f_locals, self._parameters)

    def structure(self, f_locals: Mapping[str, Any]) -> Hashable:
        """What there is of the arguments beside sizes and numbers."""
        return structure_key.coarse(f_locals, self._parameters)

    def remember(self, f_locals: Mapping[str, Any], scenario: Scenario) -> None:
        """Calls that look like this are of that scenario."""
        if len(self.looks) >= _MOST_LOOKS:
            self.looks.clear()
        whole = all(structure_key.is_whole(f_locals.get(name)) for name in self._parameters)
        self.looks[self.look(f_locals)] = scenario, None if whole else scenario.check

    def forget(self) -> None:
        """What comes is held against all that there was."""
        self.scenarios.clear()
        self.answered.clear()
        self.looks.clear()

    # --- what takes a little longer ------------------------------------------------------------------

    def frame(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The locals of its frame in a call."""
        function: Any = self.watched.forward.function
        return {**self.bind(args, kwargs), **closure(getattr(function, "__func__", function))}

    def answering(
        self, entries: Sequence[CompiledFrame], f_locals: Mapping[str, Any], *, by_arguments: bool
    ) -> CompiledFrame | None:
        """The first of the entries whose guards hold, those included that nobody looks at; all, or of the arguments."""
        for entry in entries:
            if self.check(entry)(f_locals) and (by_arguments or entry.guard_tree.holds(f_locals)):
                return entry
        return None

    def check(self, entry: CompiledFrame) -> Check:
        """Whether the guards of the arguments hold, of an entry."""
        if entry not in self._checks:
            self._checks[entry] = arguments.of_arguments(entry.guard_tree, self.watched.forward.names).holds
        return self._checks[entry]

    def fails_alike(self, entry: CompiledFrame, violated: Sequence[str], f_locals: Mapping[str, Any]) -> Check:
        """Whether the arguments of another call do as those of this one, of which these sources fail."""
        whole = arguments.of_arguments(entry.guard_tree, self.watched.forward.names)
        if whole.holds(f_locals):
            return whole.holds  # what fails is none of the arguments
        rest = arguments.without(whole, violated)
        return lambda others: not whole.holds(others) and rest.holds(others)

    def observed(self) -> Iterator[Scenario]:
        """The scenarios that have an observation, in the order in which they were met."""
        return (one for one in self.scenarios.values() if one.observation is not None)


def _tells(entry: CompiledFrame) -> bool:
    return bool(entry.graphs) and all(graph.tells for graph in entry.graphs)


def _fails(_f_locals: Mapping[str, Any]) -> bool:
    return False
