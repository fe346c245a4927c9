"""Looks at the calls of a process that are not as one before."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from steadygraph.errors import raised
from steadygraph.live import structure_key
from steadygraph.live.hearing import Hearing
from steadygraph.live.region import LiveRegion
from steadygraph.live.reproduction import kept_call
from steadygraph.live.reproduction.kept_call import KeptCall
from steadygraph.live.scenario import Check, Scenario
from steadygraph.model import PROFILE, Checked, Graph, Observation
from steadygraph.observe.run import shadow
from steadygraph.observe.run.call_watch import CallWatch
from steadygraph.observe.run.calls import OpenCalls
from steadygraph.observe.run.entries import Entries
from steadygraph.observe.run.entry_points import EntryPoints
from steadygraph.observe.run.reduction import Reduction
from steadygraph.observe.run.tap import DynamoTap
from steadygraph.observe.run.watching import OpenCall, WatchedRegion
from steadygraph.redaction.text import redacted
from steadygraph.torch_private import EntryPoint
from steadygraph.torch_private.entries import CompiledFrame

#: The name of a serving call while nobody knows which scenario it belongs to.
_SERVING = "serving"
_LONGEST_REASON = 200


@dataclass(eq=False)
class LiveCall:
    """A call that is being looked at."""

    open: OpenCall
    region: LiveRegion
    look: Hashable
    coarse: Hashable
    f_locals: Mapping[str, Any]
    #: The entry whose guards held before the call, those included that nobody looks at.
    answering: CompiledFrame | None
    #: What it takes to make it again.
    kept: KeptCall
    #: What it would have needed, where guards are dropped.
    needed: tuple[Graph, ...] | None = None
    scenario: Scenario | None = None


class LiveObserver(CallWatch):
    """Observes what is compiled in a process, call by call, each structure once.

    Args:
        wanted: Is this entry point one that is watched?
        found: Told that something new was observed: the region, and its scenario (None: its profile call).
        failed: Told in one line what is watched no more.
        structures: So many scenarios are observed of each region; calls beyond them are counted.
        every: All dropped guards are asked at every so many calls.
        keeps_tensors: Keep the values of arguments, for cases.
    """

    def __init__(
        self,
        *,
        wanted: Callable[[EntryPoint], bool],
        found: Callable[[LiveRegion, Scenario | None], object],
        failed: Callable[[str], object],
        structures: int,
        every: int,
        keeps_tensors: bool = False,
    ) -> None:
        super().__init__(EntryPoints(None, ()), OpenCalls(ordered=False), Reduction(readable=False))
        self.wanted = wanted
        self._found, self._tell_failure = found, failed
        self._structures, self._every, self._keeps_tensors = structures, every, keeps_tensors
        self._lock = threading.RLock()
        self._by_region: dict[int, LiveRegion] = {}
        self._hearings: weakref.WeakSet[Hearing] = weakref.WeakSet()
        #: Nothing is heard of any more.
        self.closed = False
        #: Is a call being looked at, in any thread?
        self.looking = False
        #: What could not be traced, a sentence each.
        self.notes: dict[str, None] = {}
        self._numbered = 0
        self.tap = DynamoTap(self, failed=_never_failing(self.went_wrong))
        self.tap.watch.listens = False
        _left_in_children(weakref.ref(self))

    # --- what the process does -----------------------------------------------------------------------

    def entry_point(self, point: EntryPoint) -> Hearing:  # type: ignore[override]
        hearing = Hearing(self, point)
        self._hearings.add(hearing)
        return hearing

    @property
    def is_inside(self) -> bool:
        """Is this thread in a call that is being looked at?"""
        return self._calls.any and self._calls.innermost is not None

    def opened(
        self,
        point: EntryPoint,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        known: Callable[[LiveRegion, Sequence[Any]], object],
        *,
        late: bool = False,
    ) -> LiveCall | None:
        """Begin to look at a call; None: it turned out to be as one before, or nothing may be done now.

        Args:
            point: The entry point.
            args: Its arguments, the module included that it is a method of.
            kwargs: Its arguments.
            known: Told which region it is.
            late: Dynamo compiles already: it is not as one before, whatever it looks like.
        """
        if _is_capturing():
            return None
        depth = self._calls.depth
        with self._lock:
            try:
                watched, given = self._entry_points.called(point, args)
                watched.forward = self._entry_points.forward(point, watched)
                region = self._region(watched, point)
                known(region, args)
                call = None if region.given_up else self._opened(region, given, kwargs, late=late)
            except BaseException:
                self._calls.abandon(depth)
                raise
        if call is not None and region.drops and call.open.call != PROFILE and call.open.violated:
            call.scenario = region.scenarios.get(self._key(call))
            if call.scenario is None:
                self._trace(call)
                self._announce(call)
        return call

    def _opened(
        self, region: LiveRegion, args: Sequence[Any], kwargs: Mapping[str, Any], *, late: bool
    ) -> LiveCall | None:
        look, coarse = structure_key.exact(args, kwargs), structure_key.coarse(args, kwargs)
        f_locals = region.frame(args, kwargs)
        entries = self._entries.of(region.watched, region.watched.code) if region.watched.code else ()
        answering = region.answering(entries, f_locals, by_arguments=not (region.drops or late))
        if region.profiled and self._as_before(region, look, coarse, f_locals, answering, late=late):
            return None
        self.looking = self.tap.watch.listens = True
        call = self._begin(region.watched, args, kwargs)
        kept = kept_call.kept(region.watched, args, kwargs, call.ambient, tensors=self._keeps_tensors)
        return LiveCall(call, region, look, coarse, f_locals, answering, kept)

    def _as_before(
        self,
        region: LiveRegion,
        look: Hashable,
        coarse: Hashable,
        f_locals: Mapping[str, Any],
        answering: CompiledFrame | None,
        *,
        late: bool,
    ) -> bool:
        """Count a call whose arguments look otherwise, and are what an earlier scenario had; also one too many."""
        earlier = region.looks.get(look) if late else None
        if earlier is not None:
            earlier.calls -= 1  # it was taken for one of those
        known = None if late or answering is None else region.scenarios.get((coarse, answering))
        if known is None and region.drops and not late:
            alike = (one for key, one in region.scenarios.items() if _is_violating(key, coarse) and one.check)
            known = next((one for one in alike if one.check is not None and one.check(f_locals)), None)
        if known is None and len(region.scenarios) >= self._structures:
            known = region.beyond  # also where Dynamo compiles for it
        if known is None:
            return False
        region.remember(look, known)
        known.count()
        return True

    # --- a call that is looked at -----------------------------------------------------------------------

    def _region(self, watched: WatchedRegion, point: EntryPoint) -> LiveRegion:
        region = self._by_region.get(id(watched))
        if region is None:
            region = self._by_region[id(watched)] = LiveRegion(watched, point, self._every)
        return region

    def _call_of(self, region: WatchedRegion) -> str:
        return _SERVING if self._by_region[id(region)].profiled else PROFILE

    def _ended(self, call: OpenCall) -> None:
        """It is recorded by whoever opened it."""
        self.looking = self.tap.watch.listens = self._calls.any

    def entry_returned(self, call: Any, result: Any) -> None:
        if self._calls.has(call.open) and not self.closed:
            with self._giving_up(call.region):
                super().entry_returned(call.open, result)
                self._record(call)

    def entry_raised(self, call: Any, error: BaseException) -> None:
        if self._calls.has(call.open) and not self.closed:
            with self._giving_up(call.region):
                super().entry_raised(call.open, error)
                self._record(call)

    @contextlib.contextmanager
    def _giving_up(self, region: LiveRegion) -> Iterator[None]:
        """A block in which what goes wrong costs the region, and no more."""
        try:
            yield
        except Exception as error:
            self._give_up(region, error)

    def _trace(self, call: LiveCall) -> None:
        """Have Dynamo trace what the call would have needed, which nobody compiles."""
        region = call.region
        first = next(iter(region.profile_entries), None)
        if first is None or len({graph for one in region.profile for graph in one.graphs}) != 1:
            self._note(region, "its profile call runs several graphs")
            return
        try:
            made = shadow.traced(region.watched.forward.function, call.f_locals, first)
        except Exception as error:
            self._note(region, f"{raised.name(error)}: {raised.text(error).strip().splitlines()[0]}")
            return
        if made is not None:
            made.code = first.code
            call.needed = tuple(self._reduction.graph(graph, region.watched) for graph in made.graphs)

    def _note(self, region: LiveRegion, why: str) -> None:
        reason = redacted(why)[:_LONGEST_REASON]
        self.notes[f"{region.name}: what a call with other arguments needs is not known ({reason})"] = None

    def _announce(self, call: LiveCall) -> None:
        """Record what a call with dropped guards is about to do: it may be the last that the process does."""
        with self._lock:
            call.scenario = self._scenario(call)
            observation = self._reduction.observation(call.open, self._entries.again)
            call.scenario.observation = self._as_scenario(call, observation, call.scenario.name)
        self._found(call.region, call.scenario)

    def _record(self, call: LiveCall) -> None:
        region = call.region
        with self._lock:
            if region.given_up:
                return
            region.compiled += call.open.compiled
            observation = self._reduction.observation(call.open, self._entries.again)
            if call.open.call == PROFILE:
                is_new, scenario = self._record_profile(region, observation, call.kept), None
            else:
                scenario = call.scenario or self._scenario(call)
                is_new = not scenario.calls
                if is_new:
                    scenario.observation = self._as_scenario(call, observation, scenario.name)
                scenario.count()
                region.remember(call.look, scenario)
        if is_new:
            self._found(region, scenario)

    def _record_profile(self, region: LiveRegion, observation: Observation, kept: KeptCall) -> bool:
        region.profile_calls.count()
        if observation.error is not None or not region.watched.entries:
            return False  # nothing is compiled yet that a later call could be held against
        region.profile.append(observation)
        region.kept = region.kept or kept
        return True

    def _key(self, call: LiveCall) -> Hashable:
        """What tells one scenario of a region from another."""
        region = call.region
        if region.drops and call.open.violated:
            return call.coarse, frozenset(call.open.violated)
        own = (entry for entry in call.open.compiled if entry.code is region.watched.code)
        return call.coarse, call.answering or next(own, None)

    def _scenario(self, call: LiveCall) -> Scenario:
        region, key = call.region, self._key(call)
        if key not in region.scenarios:
            self._numbered += 1
            check = self._check(region, call) if region.drops else None
            region.scenarios[key] = Scenario(f"{_SERVING}-{self._numbered}", check=check, kept=call.kept)
        return region.scenarios[key]

    def _check(self, region: LiveRegion, call: LiveCall) -> Check | None:
        first = next(iter(region.profile_entries), None)
        if call.open.violated:
            sources = [source for source, *_ in call.open.violated]
            return None if first is None else region.fails_alike(first, sources, call.f_locals)
        return None if call.answering is None else region.check(call.answering)

    def _as_scenario(self, call: LiveCall, observation: Observation, name: str) -> Observation:
        """Where guards are dropped, what the call needs stands in the place of what answers it."""
        guards = tuple(
            dataclasses.replace(guard, checked=Checked.BY_POLICY) if guard.checked is Checked.NEVER else guard
            for guard in observation.violated_guards
        )
        dropped = any(guard.checked is Checked.BY_POLICY for guard in guards)
        graphs = observation.graphs if not dropped else call.needed or ()
        return dataclasses.replace(observation, call=name, violated_guards=guards, graphs=graphs)

    # --- the whole ---------------------------------------------------------------------------------------

    @property
    def regions(self) -> list[LiveRegion]:
        with self._lock:
            return [*self._by_region.values()]

    def serving_starts(self) -> None:
        """All calls so far are profile calls, and what they compiled is what the deployment goes on running."""
        with self._lock:
            for region in self._by_region.values():
                self._as_profile(region)

    def _as_profile(self, region: LiveRegion) -> None:
        for scenario in region.observed():
            assert scenario.observation is not None
            again = dataclasses.replace(scenario.observation, call=PROFILE, violated_guards=())
            region.profile.append(again)
            region.profile_calls.calls += scenario.calls
            region.profile_calls.last = max(scenario.last, region.profile_calls.last)
        for entry in region.compiled:
            region.watched.answered_by(entry)
        region.scenarios.clear()
        region.looks.clear()

    def went_wrong(self, error: Exception) -> None:
        """Watch the region no more in which it happened, or nothing, and say so."""
        call = self._calls.innermost
        region = None if call is None else self._by_region.get(id(call.region))
        if region is None:
            self.closed = True
            self.gave_up("", error)
        else:
            self._give_up(region, error)

    def _give_up(self, region: LiveRegion, error: Exception) -> None:
        self._calls.abandon(0)
        self.looking = self.tap.watch.listens = self._calls.any
        if not region.given_up:
            region.given_up = _told(error)
            self.gave_up(region.name, error)

    def gave_up(self, name: str, error: Exception) -> None:
        """Say in one line that this is watched no more."""
        self._tell_failure(
            f"{f'`{name}` is no longer' if name else 'nothing is'} watched{'' if name else ' any more'}: {_told(error)}"
        )

    def close(self) -> None:
        """Hear of nothing any more."""
        self.closed = True
        self.tap.close()

    def release(self) -> None:
        """Let all go that was watched: Dynamo keeps its callbacks, and they keep who heard of their calls."""
        with self._lock:
            for hearing in self._hearings:
                hearing.release()
            self._by_region.clear()
            self._entries, self._entry_points = Entries(), EntryPoints(None, ())
            self._reduction = Reduction(readable=False)


def _told(error: Exception) -> str:
    return redacted(f"{raised.name(error)}: {raised.text(error)}")[:_LONGEST_REASON]


def _left_in_children(observer: weakref.ref[LiveObserver]) -> None:
    """A process that is forked is not watched: another thread may have held our lock, and is not there."""

    def left() -> None:
        watching = observer()
        if watching is not None:
            watching.close()

    os.register_at_fork(after_in_child=left)


def _never_failing(function: Callable[[Exception], object]) -> Callable[[Exception], None]:
    def call(error: Exception) -> None:
        try:
            function(error)
        except Exception:  # whoever is watched goes on, whatever is wrong with us
            return

    return call


def _is_violating(key: Hashable, coarse: Hashable) -> bool:
    return isinstance(key, tuple) and key[0] == coarse and isinstance(key[1], frozenset)


def _is_capturing() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
