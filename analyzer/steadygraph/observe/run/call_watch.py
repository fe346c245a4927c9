"""Calls of regions, observed: what is the same whether a case makes them or a process that runs.

Who makes the calls says which of them are the profile call, and takes what was observed.
"""

from __future__ import annotations

import functools
import traceback
import types
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from torch import nn

from steadygraph.model import PROFILE, Ambient, Checked
from steadygraph.observe.graphs import breaks
from steadygraph.observe.guards import closest, decorated
from steadygraph.observe.guards.asked import Frame
from steadygraph.observe.guards.sources import names_of
from steadygraph.observe.inputs import ambient, storage, structure
from steadygraph.observe.places import locations
from steadygraph.observe.run import frame_locals
from steadygraph.observe.run.calls import OpenCalls
from steadygraph.observe.run.entries import Entries
from steadygraph.observe.run.entry_points import EntryPoints
from steadygraph.observe.run.made_tensors import MadeTensors
from steadygraph.observe.run.reduction import Reduction
from steadygraph.observe.run.replaced_forward import replaced_forward
from steadygraph.observe.run.watching import OpenCall, WatchedRegion
from steadygraph.torch_private import EntryPoint, when_asked
from steadygraph.torch_private.entries import BreakEvent, CapturedGraph, CompiledFrame, SkippedFrame
from steadygraph.torch_private.guards import GuardCheckError

Method = TypeVar("Method", bound=Callable[..., Any])


def watching(method: Method) -> Method:
    """What goes wrong in an observer is steadygraph's failure: it must not pass for one of the model's call."""

    @functools.wraps(method)
    def watch(watch: CallWatch, *args: Any) -> Any:
        try:
            return method(watch, *args)
        except GuardCheckError:  # torch would fail at this very place
            raise
        except Exception as error:
            watch.failure = watch.failure or error
            raise

    return cast(Method, watch)


class CallWatch:
    """Observes calls of regions, and all that Dynamo does in them.

    Args:
        entry_points: Names what is compiled by nobody but the model's own code.
        calls: Those that are under way.
        reduction: Makes values of those that have ended.
    """

    def __init__(self, entry_points: EntryPoints, calls: OpenCalls, reduction: Reduction) -> None:
        self._entry_points = entry_points
        self._calls = calls
        self._reduction = reduction
        self._entries = Entries()
        self._tensors = MadeTensors()
        #: What went wrong in an observer.
        self.failure: Exception | None = None
        #: Of the function that stands for the forward of a region while it is observed.
        self._region_code: types.CodeType | None = None
        #: What the regions are parts of.
        self._model: nn.Module | None = None

    @abstractmethod
    def _call_of(self, region: WatchedRegion) -> str:
        """The call of the recording that a call of this region is part of: the profile call or a scenario."""

    @abstractmethod
    def _ended(self, call: OpenCall) -> None:
        """A call of a region has ended."""

    def _deployed(self, entry: CompiledFrame) -> None:
        """Of a region that the deployment compiles, a frame was compiled."""

    def _runs_plain(self, call: OpenCall | None, code: types.CodeType) -> None:
        """From now on Dynamo may leave this code alone, whatever it has compiled of it."""

    # --- one call of one region --------------------------------------------------------------------

    def entry_point(self, point: EntryPoint) -> _EveryCall:
        return _EveryCall(self, point)

    @watching
    def entry_called(self, point: EntryPoint, args: Sequence[Any], kwargs: Mapping[str, Any]) -> OpenCall:
        region, arguments = self._entry_points.called(point, args)
        return self._begin(region, arguments, kwargs)

    @watching
    def entry_returned(self, call: OpenCall, result: Any) -> None:
        call.output = structure.capture(result)
        self._end(call)

    @watching
    def entry_raised(self, call: OpenCall, error: BaseException) -> None:
        call.error = locations.of_failure(error)
        self._end(call)

    def _end(self, call: OpenCall) -> None:
        call.addresses_after = _addresses(call.region)
        self._calls.end(call)
        self._ended(call)

    @watching
    def _begin(
        self,
        region: WatchedRegion,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        module: nn.Module | None = None,
    ) -> OpenCall:
        call = OpenCall(
            region=region,
            call=self._call_of(region),
            in_order=self._calls.in_order,
            inputs=structure.capture_call(args, kwargs),
            ambient=ambient.capture(region.module),
            addresses=_addresses(region),
            handed=() if module is None or self._model is None else storage.handed(self._model, module, args, kwargs),
        )
        self._calls.begin(call)
        code, f_locals = region.code, frame_locals.bind(region.forward.function, args, kwargs)
        if call.call == PROFILE:
            region.starts(call.ambient)
        elif region.is_replaced:
            call.violates(closest.Answer(None, violated=(replaced_forward(region),)))
        if f_locals is not None and code is not None:
            self._entries.meet(region, code)
            self._look(call, code, f_locals)
        return call

    def _look(self, call: OpenCall, code: types.CodeType, f_locals: Mapping[str, Any]) -> None:
        """Which entry will answer the call: in the profile call the region is known by it from then on."""
        region = call.region
        if call.call != PROFILE:
            self._compare(call, code, f_locals)
            return
        entry = next((one for one in self._entries.of(region, code) if one.answers(f_locals)), None)
        if entry is not None:
            region.answered_by(entry)
            call.breaks += self._entries.breaks(entry)

    def _compare(self, call: OpenCall, code: types.CodeType, f_locals: Mapping[str, Any]) -> None:
        """Hold a frame against the entries of the profile call: all guards that the closest of them sees violated."""
        found = closest.answer(call.region.entries.get(id(code), ()), self._frame(call, code, f_locals))
        if found.entry is not None and found.holds:
            call.breaks += self._entries.breaks(found.entry)
        call.violates(found)

    def _frame(self, call: OpenCall, code: types.CodeType, f_locals: Mapping[str, Any]) -> Frame:
        return self._frame_of(call.region, call.ambient, code, f_locals)

    def _frame_of(
        self, region: WatchedRegion, now: Ambient, code: types.CodeType, f_locals: Mapping[str, Any]
    ) -> Frame:
        """A frame of the region's forward, of a function that it calls, or in which it goes on after a graph break."""
        settings = None if region.profile_ambient is None else (region.profile_ambient, now)
        checked = Checked.ALWAYS if region.is_users else Checked.BY_POLICY
        if code is region.code:
            return Frame(f_locals, region.forward.names, region.name, "", settings, checked)
        holding = (name for name, value in f_locals.items() if value is region.module and name not in code.co_freevars)
        receiver = None if region.module is None else next(holding, None)
        behind = decorated.behind(code, f_locals)
        function = locations.of_code(code if behind is None else behind.code).function
        return Frame(f_locals, names_of(code, receiver, behind), region.name, function, settings, checked)

    # --- what the tap tells ----------------------------------------------------------------------

    @watching
    def frame_entered(self, code: types.CodeType, f_locals: Mapping[str, Any], f_globals: Mapping[str, Any]) -> None:
        call = self._calls.innermost
        if call is None:
            return
        self._entries.meet(call.region, code)
        call.region.looked_at |= call.call == PROFILE
        call.meanwhile[id(code)] = self._made_meanwhile(call, code, f_locals)
        if call.call == PROFILE:
            known = call.region.entries.get(id(code)) or self._entries.of(call.region, code)
            call.tells_apart(known, self._frame(call, code, f_locals))
        elif code is not call.region.code:
            self._compare(call, code, f_locals)

    def _made_meanwhile(
        self, call: OpenCall, code: types.CodeType, f_locals: Mapping[str, Any]
    ) -> CompiledFrame | None:
        """An entry that answers, although Dynamo found none: only where threads come in each other's way.

        Dynamo looks first and waits for its lock then: two threads compile one after the other what either needs once.
        Guards that two threads ask at once may fail, too.  How often that happens is luck (torch 2.13).
        """
        known = self._entries.of(call.region, code) if call.overlaps else ()
        return next((entry.stands_for for entry in known if entry.answers(f_locals)), None)

    @watching
    def frame_compiled(self, entry: CompiledFrame, events: Sequence[BreakEvent]) -> None:
        entry.callers = self._callers()
        call = self._calls.innermost
        if call is None:
            return
        self._entries.add(call.region, entry, events)
        if not call.region.is_users:
            self._deployed(entry)
        entry.same_as = call.meanwhile.pop(id(entry.code), None)
        if entry.same_as is None:
            call.compiled.append(entry)
            call.breaks += self._entries.breaks(entry)
        if call.call == PROFILE:
            call.region.answered_by(entry.stands_for)
        elif entry.code is not call.region.code:
            when_asked(entry.guard_manager, functools.partial(self._calls.ask, id(entry)))

    @watching
    def frame_skipped(self, skipped: SkippedFrame, events: Sequence[BreakEvent]) -> None:
        call, code = self._calls.innermost, skipped.code
        self._runs_plain(call, code)
        if call is None or not (events or skipped.error is not None):  # never looked into: no graph break
            return
        # Dynamo tried, as it would for a recompile that succeeds, and what the frame calls is compiled piece by piece.
        call.failed_recompiles += bool(self._entries.of(call.region, code))
        if locations.is_user_file(code.co_filename):
            call.breaks += breaks.skipped(skipped, events, self._callers(), call.region.forward.decorated)

    @watching
    def frame_failed(self, code: types.CodeType, events: Sequence[BreakEvent]) -> None:
        call = self._calls.innermost
        self._runs_plain(call, code)
        if call is None:
            return
        call.failed_recompiles += bool(self._entries.of(call.region, code))
        call.breaks += breaks.capture(events, self._callers(), call.region.forward.decorated)

    @watching
    def graph_runs(self, graph: CapturedGraph, inputs: Sequence[Any]) -> None:
        call = self._calls.innermost
        if call is None:
            return
        if call.call != PROFILE and graph not in call.graphs:
            self._tensors.recognize(graph, inputs)
        call.graphs.append(graph)
        entry = graph.entry
        if entry is None or entry in call.compiled:
            return
        # An entry made in an earlier call answers: other calls than that one may not need it.
        f_locals = self._calls.asked(id(entry))
        if f_locals is not None:
            self._compare(call, entry.code, f_locals)
        call.breaks += self._entries.breaks(entry)

    @watching
    def graph_ran(self, graph: CapturedGraph, outputs: Any) -> None:
        call = self._calls.innermost
        if call is not None and call.call == PROFILE:
            self._tensors.remember(outputs)

    def _callers(self) -> list[traceback.FrameSummary]:
        """The user's code that leads to the frame that is being compiled, from the innermost region on."""
        return locations.callers(self._region_code)


@dataclass(frozen=True, slots=True, eq=False)
class _EveryCall:
    """Hears of all calls of an entry point."""

    watch: CallWatch
    point: EntryPoint

    def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> OpenCall:
        return self.watch.entry_called(self.point, args, kwargs)

    #: It is told of every call.
    settled = False

    def asked(self, _running: object, _code: object) -> None:
        """Every call is known."""

    def ran(self, _running: object, _graph: object, *, is_asked: bool) -> None:
        """Every call is known."""


def _addresses(region: WatchedRegion) -> tuple[tuple[str, int], ...]:
    """Where the tensors lie that a captured graph of the region would know: its own, and those in global variables."""
    if region.is_users or region.module is None:
        return ()  # no graph of it is captured by itself
    entries = [entry for known in region.entries.values() for entry in known]
    return tuple(sorted({**dict(storage.addresses(region.module)), **dict(storage.global_addresses(entries))}.items()))
