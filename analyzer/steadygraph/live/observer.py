"""Looks at the calls of a process that are not as one before."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import types
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import torch

from steadygraph.errors import raised
from steadygraph.live import failures
from steadygraph.live.call import LiveCall
from steadygraph.live.hearing import Hearing
from steadygraph.live.picks import Pick
from steadygraph.live.recognition import Recognition, Sight
from steadygraph.live.region import LiveRegion
from steadygraph.live.reproduction import kept_call
from steadygraph.live.reproduction.kept_call import KeptCall
from steadygraph.live.scenario import Check, Scenario
from steadygraph.model import PROFILE, Checked, Graph, Observation
from steadygraph.observe.guards import closest
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
from steadygraph.torch_private.entries import BreakEvent, CompiledFrame

#: The name of a serving call while nobody knows which scenario it belongs to.
_SERVING = "serving"


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
        self._recognition = Recognition(self._entries, structures, self._give_up)
        #: Of the call that is begun now.
        self._picked: Pick | None = None
        self.tap = DynamoTap(self, failed=failures.never_failing(self.went_wrong))
        self.tap.watch.listens = False
        failures.left_in_children(weakref.ref(self))

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
        late: types.CodeType | None = None,
        ran: CompiledFrame | None = None,
    ) -> LiveCall | None:
        """Begin to look at a call; None: it turned out to be as one before, or nothing may be done now.

        Args:
            point: The entry point.
            args: Its arguments, the module included that it is a method of.
            kwargs: Its arguments.
            known: Told which region it is.
            late: Dynamo compiles this code already: the call is not as one before, whatever it looks like.
            ran: What answers it already.
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
                call = None if region.given_up else self._opened(region, given, kwargs, late, ran)
            except BaseException:
                self._calls.abandon(depth)
                raise
        if call is not None and call.drops and call.open.call != PROFILE and call.open.violated:
            call.scenario = region.scenarios.get(self._key(call))
            if call.scenario is None:
                self._find_needed(call)
                self._announce(call)
        return call

    def _opened(
        self,
        region: LiveRegion,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        late: types.CodeType | None,
        ran: CompiledFrame | None,
    ) -> LiveCall | None:
        sight = self._recognition.sight(region, region.frame(args, kwargs), late, ran)
        if region.profiled and self._counts(region, sight):
            return None
        self.looking = self.tap.watch.listens = True
        self._picked = sight.pick
        try:
            call = self._begin(region.watched, args, kwargs)
        finally:
            self._picked = None
        kept = kept_call.kept(region.watched, args, kwargs, call.ambient, tensors=self._keeps_tensors)
        return LiveCall(call, region, sight, kept)

    def _counts(self, region: LiveRegion, sight: Sight) -> bool:
        """Count a call that is of an earlier scenario, or of none that is observed."""
        return self._recognition.counts(region, sight)

    def _compare(self, call: OpenCall, code: types.CodeType, f_locals: Mapping[str, Any]) -> None:
        if self._picked is None or code is not call.region.code:
            super()._compare(call, code, f_locals)
        elif not self._picked.is_right:
            call.violates(closest.answer((self._picked.asked,), self._frame(call, code, f_locals)))

    # --- a call that is looked at -----------------------------------------------------------------------

    def _region(self, watched: WatchedRegion, point: EntryPoint) -> LiveRegion:
        region = self._by_region.get(id(watched))
        if region is None:
            region = self._by_region[id(watched)] = LiveRegion(watched, point, self._every, self._give_up)
            self._recognition.meet(region)
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

    def _find_needed(self, call: LiveCall) -> None:
        """What the call would have needed: what was compiled for calls like it, or what Dynamo traces now."""
        right = None if call.pick is None else call.pick.right
        if right is None or not right.graphs:
            self._trace(call)
        else:
            call.needed = self._graphs(call.region, right)

    def _graphs(self, region: LiveRegion, entry: CompiledFrame) -> tuple[Graph, ...]:
        return tuple(self._reduction.graph(graph, region.watched) for graph in entry.graphs)

    def _trace(self, call: LiveCall) -> None:
        """Have Dynamo trace what the call would have needed, which nobody compiles."""
        region = call.region
        first = next(iter(region.profile_entries), None)
        if first is None or len({graph for one in region.profile for graph in one.graphs}) != 1:
            self._note(region, "its profile call runs several graphs")
            return
        try:
            made = shadow.traced(region.watched.forward.function, call.sight.f_locals, first)
        except Exception as error:
            self._note(region, f"{raised.name(error)}: {raised.text(error).strip().splitlines()[0]}")
            return
        if made is not None:
            made.code = first.code
            call.needed = self._graphs(region, made)

    def _note(self, region: LiveRegion, why: str) -> None:
        reason = redacted(why)[: failures.LONGEST_REASON]
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
                own = (entry for entry in call.open.compiled if entry.code is region.watched.code)
                answering = call.sight.answering or next(own, None)
                self._recognition.remember(region, call.sight, answering, scenario)
            region.lets_locals_go()
            self._recognition.settle(region)
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
        return call.key

    def _check(self, call: LiveCall) -> Check | None:
        """Whether the guards of the arguments say of another call what they said of this one."""
        return call.check()

    def _scenario(self, call: LiveCall) -> Scenario:
        region, key = call.region, self._key(call)
        if key not in region.scenarios:
            self._numbered += 1
            name = f"{_SERVING}-{self._numbered}"
            note = "" if call.pick is None or call.pick.is_right else call.pick.note
            region.scenarios[key] = Scenario(
                name, check=self._check(call), whole=call.whole_check(), note=note, kept=call.kept
            )
        return region.scenarios[key]

    def _as_scenario(self, call: LiveCall, observation: Observation, name: str) -> Observation:
        """Where guards are dropped, what the call needs stands in the place of what answers it."""
        guards = tuple(
            dataclasses.replace(guard, checked=Checked.BY_POLICY) if guard.checked is Checked.NEVER else guard
            for guard in observation.violated_guards
        )
        dropped = any(guard.checked is Checked.BY_POLICY for guard in guards)
        graphs = observation.graphs if not dropped else call.needed or ()
        if dropped and call.pick is not None and call.pick.entry not in call.region.profile_entries:
            # What answers is held against the profile call as well: it is its difference to what is needed that counts.
            picked = self._graphs(call.region, call.pick.entry)
            same = [graph.digest for graph in graphs] == [graph.digest for graph in picked]
            of_profile = call.region.profile[0].graphs
            is_profiles = [graph.digest for graph in graphs] == [graph.digest for graph in of_profile]
            graphs = of_profile if same else picked if is_profiles else graphs
        return dataclasses.replace(observation, call=name, violated_guards=guards, graphs=graphs)

    def frame_compiled(self, entry: CompiledFrame, events: Sequence[BreakEvent]) -> None:
        super().frame_compiled(entry, events)
        call = self._calls.innermost
        region = None if call is None else self._by_region.get(id(call.region))
        if region is not None and region.drops and entry.code is region.watched.code:
            region.hears_locals(entry)

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
            region.profile_calls.takes_in(scenario)
        for entry in region.compiled:
            region.watched.answered_by(entry)
        region.forget()
        self._recognition.settle(region)

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
            region.given_up = failures.told(error)
            region.settle(())
            self.gave_up(region.name, error)

    def gave_up(self, name: str, error: Exception) -> None:
        """Say in one line that this is watched no more."""
        what = f"`{name}` is no longer watched" if name else "nothing is watched any more"
        self._tell_failure(f"{what}: {failures.told(error)}")

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
            self._recognition = Recognition(self._entries, 0, self._give_up)
            self._reduction = Reduction(readable=False)


def _is_capturing() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
