"""What is known of one compiled module or function: its profile call, and a scenario for each distinct structure."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steadygraph.live import arguments
from steadygraph.live.reproduction.kept_call import KeptCall
from steadygraph.live.scenario import Check, Scenario
from steadygraph.model import Observation
from steadygraph.observe.guards.decorated import closure
from steadygraph.observe.run.watching import WatchedRegion
from steadygraph.torch_private import EntryPoint, backend_name
from steadygraph.torch_private.entries import CompiledFrame

#: So many looks of calls are remembered; where there are more, the guards of the arguments are asked again.
_MOST_LOOKS = 1024


@dataclass(eq=False)
class LiveRegion:
    """A region, and what was seen of it.

    Args:
        watched: Its forward, and the entries of the profile call.
        point: What ``torch.compile`` was told.
        every: All dropped guards are asked at every so many calls; those of the arguments always.
    """

    watched: WatchedRegion
    point: EntryPoint
    every: int
    profile: list[Observation] = field(default_factory=list)
    #: What it takes to make the first of them again.
    kept: KeptCall | None = None
    profile_calls: Scenario = field(default_factory=Scenario)
    #: By what tells one structure from another.
    scenarios: dict[Hashable, Scenario] = field(default_factory=dict)
    #: By what can be seen of the arguments at once.
    looks: dict[Hashable, Scenario] = field(default_factory=dict)
    #: Calls of structures that are too many to be observed.
    beyond: Scenario = field(default_factory=Scenario)
    #: Why it is watched no more; empty: it is.
    given_up: str = ""
    calls: int = 0
    #: Whatever was compiled in its calls.
    compiled: list[CompiledFrame] = field(default_factory=list)
    _checks: dict[CompiledFrame, Check] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bind = arguments.binder(self.watched.forward.function)

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

    # --- what can be told in microseconds ----------------------------------------------------------

    def counted(self, look: Hashable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Count a call that is as one before; False: it has to be looked at."""
        self.calls += 1
        known = self.looks.get(look)
        if known is None:
            return False
        # Where guards are kept, Dynamo asks them.
        if known.check is not None and (self.calls % self.every == 0 or not known.check(self.bind(args, kwargs))):
            return False
        known.calls += 1
        known.last = time.time()
        return True

    def remember(self, look: Hashable, scenario: Scenario) -> None:
        """Calls that look like this are of that scenario."""
        if len(self.looks) >= _MOST_LOOKS:
            self.looks.clear()
        self.looks[look] = scenario

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
