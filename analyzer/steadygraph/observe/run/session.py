"""One model under observation: its regions compiled with guards kept, every call of a region looked at.

The guard-keeping run is the ``recompile`` policy and, at the same time, the source of everything else: the graph that a
recompile captures is the graph that the serving call would have needed, and the entries made in the profile call are
what a deployment without guards goes on running.
"""

from __future__ import annotations

import contextlib
import functools
import traceback
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.model import PROFILE, Checked, Observation
from steadygraph.observe.graphs import breaks
from steadygraph.observe.guards import closest, decorated
from steadygraph.observe.guards.asked import Frame
from steadygraph.observe.guards.sources import names_of
from steadygraph.observe.inputs import ambient, storage, structure
from steadygraph.observe.places import locations
from steadygraph.observe.replay.fake_runs import FakeRuns
from steadygraph.observe.run import frame_locals
from steadygraph.observe.run.answers import Answers
from steadygraph.observe.run.calls import OpenCalls
from steadygraph.observe.run.entries import Entries
from steadygraph.observe.run.entry_points import EntryPoints
from steadygraph.observe.run.entry_replay import EntryReplay, dropped
from steadygraph.observe.run.forwards import swapped
from steadygraph.observe.run.frame_tap import FrameTap
from steadygraph.observe.run.kept_entries import KeptEntries
from steadygraph.observe.run.made_tensors import MadeTensors
from steadygraph.observe.run.reduction import Reduction
from steadygraph.observe.run.regions import Regions
from steadygraph.observe.run.replaced_forward import replaced_forward
from steadygraph.observe.run.tap import DynamoTap
from steadygraph.observe.run.watching import Forward, OpenCall, WatchedRegion
from steadygraph.torch_private import EntryPoint, when_asked
from steadygraph.torch_private.entries import BreakEvent, CapturedGraph, CompiledFrame, SkippedFrame
from steadygraph.torch_private.guards import GuardCheckError

#: Gives what stands in for a region's forward while the model is called.
StandIn = Callable[[WatchedRegion, nn.Module], Callable[..., Any]]
Method = TypeVar("Method", bound=Callable[..., Any])


def _watching(method: Method) -> Method:
    """What goes wrong in an observer is steadygraph's failure: it must not pass for one of the model's call."""

    @functools.wraps(method)
    def watch(session: CompileSession, *args: Any) -> Any:
        try:
            return method(session, *args)
        except GuardCheckError:  # torch would fail at this very place
            raise
        except Exception as error:
            session.failure = session.failure or error
            raise

    return cast(Method, watch)


class CompileSession:
    """Compiles regions with guards kept and observes their calls, and those of whatever else is compiled.

    What the model's own code compiles runs as it would anyway, with its own options.

    Args:
        regions: (name, module) pairs; their ``forward`` is compiled.
        model: What the regions are parts of; None: the first region.
        options: Keywords of torch.compile that Dynamo understands (dynamic, fullgraph, recompile_limit).
        backends: Further back ends for the graphs of the profile call.
        at_serving: Are they for the graphs of serving calls as well?
        simulated: Is the device one that is not there?  Then no back end but the eager one can run.
    """

    def __init__(
        self,
        regions: Sequence[tuple[str, nn.Module]],
        *,
        options: Mapping[str, Any],
        backends: Mapping[str, Callable[..., Any]],
        at_serving: bool = False,
        model: nn.Module | None = None,
        simulated: bool = False,
    ) -> None:
        self._model = regions[0][1] if model is None else model
        self.options, self._at_serving = options, at_serving
        self._tap = FrameTap(
            self,
            backends=backends,
            dynamic=options.get("dynamic"),
            fullgraph=bool(options.get("fullgraph", False)),
            recompile_limit=options.get("recompile_limit"),
            models=[module for _, module in regions],
        )
        self.regions = Regions(regions, self._tap)
        self._everything = DynamoTap(self, runner=_eager if simulated else None)
        self._entry_points = EntryPoints(self._model, [region.name for region in self.regions])
        self._entries = Entries()
        self.observations: list[Observation] = []
        self._tensors = MadeTensors()
        #: What went wrong in an observer.
        self.failure: Exception | None = None
        #: Of the function that stands for the forward of a region while it is observed.
        self._region_code: types.CodeType | None = None
        self._calls = OpenCalls()
        #: What a region's forward is replaced by while the model is called.
        self._stand_in: StandIn | None = None
        self._made: dict[Forward, Callable[..., Any]] = {}
        #: Always the same: guards of a region around another one look at the inner one's forward.
        self._observers: dict[Forward, Callable[..., Any]] = {}
        self._kept = KeptEntries()
        #: What answers in the place of Dynamo: nothing is compiled, and nothing observed.
        self._replay: EntryReplay | None = None
        self._call = PROFILE
        self._reduction = Reduction()
        self.answers = Answers(lambda region: self.regions.lookup(region, self._entries))

    # --- running ---------------------------------------------------------------------------------

    def start(self, call: str) -> None:
        """What follows belongs to this call ("profile" or a scenario), which the current thread makes."""
        self._settle()
        self._call = call
        self._calls.drive()
        self._kept.start(call)
        self._tap.also_compile = self._tap.also_compile and (call == PROFILE or self._at_serving)

    @contextlib.contextmanager
    def guards_kept(self) -> Iterator[None]:
        """Regions run compiled and observed; guards decide, as in stock torch.compile."""
        with self._standing_in(self._observing), self._everything.installed():
            yield
        self._settle()

    @contextlib.contextmanager
    def guards_dropped(
        self, *, backend: str = "eager", admit: Callable[[CompiledFrame, Mapping[str, Any]], None] | None = None
    ) -> Iterator[None]:
        """Regions run what the profile call compiled, whatever the inputs; nothing is traced.

        Args:
            backend: Whose code runs the captured graphs.
            admit: May raise to refuse a call; asked with the entry and the frame's locals.
        """

        def replaying(region: WatchedRegion, _module: nn.Module) -> Callable[..., Any]:
            return dropped(self.regions.lookup(region, self._entries), admit).wrap(region.forward.original)

        with self._running_graphs_of(backend), self._standing_in(replaying):
            yield

    @contextlib.contextmanager
    def guards_asked(self, kept: KeptEntries, *, backend: str) -> Iterator[None]:
        """Regions run what the recording compiled, each frame the entry whose guards hold; nothing is traced.

        Args:
            kept: Those entries: of :meth:`kept_entries`, told of each call that starts.
            backend: Whose code runs the captured graphs.
        """
        self._replay = EntryReplay(kept.lookup, ask_again=True)
        try:
            with self._running_graphs_of(backend), self._standing_in(self._observing):
                yield
        finally:
            self._replay = None
            self._calls.forget_asked()

    def kept_entries(self) -> KeptEntries:
        """What each call of the recording compiled, and gave up, to be looked up once more."""
        return self._kept.again()

    def dtypes(self) -> set[torch.dtype]:
        """Those of all tensors in the graphs of regions."""
        entries = (entry for known in self._entries.of_regions.values() for entry in known)
        return {dtype for entry in entries for graph in entry.graphs for dtype in torch_private.dtypes(graph.module)}

    def runs_otherwise(self, backend: str) -> bool:
        """Has this back end made something of any graph?"""
        entries = (entry for known in self._entries.of_regions.values() for entry in known)
        return any(backend in graph.runners for entry in entries for graph in entry.graphs)

    @contextlib.contextmanager
    def _running_graphs_of(self, backend: str) -> Iterator[None]:
        before, self._tap.active_backend = self._tap.active_backend, backend
        try:
            yield
        finally:
            self._tap.active_backend = before

    @contextlib.contextmanager
    def calling(self, _call: str = "") -> Iterator[None]:
        """A block in which the model is called: what stands in for the forwards of regions is there only here.

        Between calls the user's code finds its own, and may put others there: those are compiled then.
        """
        if self._stand_in is None:
            yield
            return
        with swapped(self.regions.standing_in(self._stand_in, self._made)):
            yield

    @contextlib.contextmanager
    def _standing_in(self, stand_in: StandIn) -> Iterator[None]:
        self._stand_in = stand_in
        try:
            yield
        finally:
            self._stand_in = None
            self._made.clear()

    def close(self) -> None:
        """Remove what was compiled, except beside entries that somebody else made for the same code."""
        self._entries.forget()
        self._observers.clear()
        self._tap.close()
        self._everything.close()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was not done as it should be, a sentence each."""
        return self._tap.remarks

    @property
    def entry_points(self) -> list[WatchedRegion]:
        """What the model's own code compiled and called, in the order of the first observations."""
        names = dict.fromkeys(observation.region for observation in self.observations)
        return [region for name in names for region in self._entry_points.regions if region.name == name]

    # --- one call of one region --------------------------------------------------------------------

    def _observing(self, region: WatchedRegion, module: nn.Module) -> Callable[..., Any]:
        forward = region.forward
        if forward not in self._observers:
            self._observers[forward] = self._observer(region, module)
        return self._observers[forward]

    def _observer(self, region: WatchedRegion, module: nn.Module) -> Callable[..., Any]:
        original, compiled = region.forward.original, region.forward.compiled

        def forward(*args: Any, **kwargs: Any) -> Any:
            # A region inside of a region is traced with it.  is_compiling() is true in every thread while one compiles.
            if torch.compiler.is_dynamo_compiling():
                return original(*args, **kwargs)
            if self._replay is not None:
                return self._replay.wrap(original)(*args, **kwargs)
            call = self._begin(region, args, kwargs, module)
            try:
                output = compiled(*args, **kwargs)
                call.output = structure.capture(output)
                return output
            except Exception as error:
                call.error = locations.of_failure(error)
                raise
            finally:
                self._end(call)

        self._region_code = forward.__code__
        return forward

    @_watching
    def entry_called(self, point: EntryPoint, args: Sequence[Any], kwargs: Mapping[str, Any]) -> OpenCall:
        region, arguments = self._entry_points.called(point, args)
        return self._begin(region, arguments, kwargs)

    @_watching
    def entry_returned(self, call: OpenCall, result: Any) -> None:
        call.output = structure.capture(result)
        self._end(call)

    @_watching
    def entry_raised(self, call: OpenCall, error: BaseException) -> None:
        call.error = locations.of_failure(error)
        self._end(call)

    def _end(self, call: OpenCall) -> None:
        call.addresses_after = _addresses(call.region)
        self._calls.end(call)
        if call.in_order:
            self.observations.append(self._observation(call))

    @_watching
    def _settle(self) -> None:
        """Observe the calls of other threads."""
        self.observations += map(self._observation, self._calls.settled())

    @_watching
    def _observation(self, call: OpenCall) -> Observation:
        if not call.region.is_users:
            self.answers.ended(call, self._entries.of_regions)
        return self._reduction.observation(call, self._entries.again)

    @_watching
    def _begin(
        self,
        region: WatchedRegion,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        module: nn.Module | None = None,
    ) -> OpenCall:
        call = OpenCall(
            region=region,
            call=self._call,
            in_order=self._calls.in_order,
            inputs=structure.capture_call(args, kwargs),
            ambient=ambient.capture(region.module),
            addresses=_addresses(region),
            handed=() if module is None else storage.handed(self._model, module, args, kwargs),
        )
        self._calls.begin(call)
        code, f_locals = region.code, frame_locals.bind(region.forward.function, args, kwargs)
        if self._call == PROFILE:
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
        if self._call != PROFILE:
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
        """A frame of the region's forward, of a function that it calls, or in which it goes on after a graph break."""
        region = call.region
        settings = None if region.profile_ambient is None else (region.profile_ambient, call.ambient)
        checked = Checked.ALWAYS if region.is_users else Checked.BY_POLICY
        if code is region.code:
            return Frame(f_locals, region.forward.names, region.name, "", settings, checked)
        holding = (name for name, value in f_locals.items() if value is region.module and name not in code.co_freevars)
        receiver = None if region.module is None else next(holding, None)
        behind = decorated.behind(code, f_locals)
        function = locations.of_code(code if behind is None else behind.code).function
        return Frame(f_locals, names_of(code, receiver, behind), region.name, function, settings, checked)

    # --- what the tap tells ----------------------------------------------------------------------

    @_watching
    def frame_entered(self, code: types.CodeType, f_locals: Mapping[str, Any], f_globals: Mapping[str, Any]) -> None:
        call = self._calls.innermost
        if call is None:
            return
        self._entries.meet(call.region, code)
        call.region.looked_at |= self._call == PROFILE
        call.meanwhile[id(code)] = self._made_meanwhile(call, code, f_locals)
        if self._call == PROFILE:
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

    @_watching
    def frame_compiled(self, entry: CompiledFrame, events: Sequence[BreakEvent]) -> None:
        entry.callers = self._callers()
        call = self._calls.innermost
        if call is None:
            return
        self._entries.add(call.region, entry, events)
        if not call.region.is_users:
            self._kept.compiled(entry)
        entry.same_as = call.meanwhile.pop(id(entry.code), None)
        if entry.same_as is None:
            call.compiled.append(entry)
            call.breaks += self._entries.breaks(entry)
        if self._call == PROFILE:
            call.region.answered_by(entry.stands_for)
        elif entry.code is not call.region.code:
            when_asked(entry.guard_manager, functools.partial(self._calls.ask, id(entry)))

    @_watching
    def frame_skipped(self, skipped: SkippedFrame, events: Sequence[BreakEvent]) -> None:
        call, code = self._calls.innermost, skipped.code
        self._runs_plain(call, code)
        if call is None or not (events or skipped.error is not None):  # never looked into: no graph break
            return
        # Dynamo tried, as it would for a recompile that succeeds, and what the frame calls is compiled piece by piece.
        call.failed_recompiles += bool(self._entries.of(call.region, code))
        if locations.is_user_file(code.co_filename):
            call.breaks += breaks.skipped(skipped, events, self._callers(), call.region.forward.decorated)

    def _runs_plain(self, call: OpenCall | None, code: types.CodeType) -> None:
        """From now on Dynamo may leave this code alone, whatever it has compiled of it."""
        if call is not None and not call.region.is_users:
            self.answers.given_up |= bool(self._entries.of(call.region, code))
            self._kept.given_up(code)

    @_watching
    def frame_failed(self, code: types.CodeType, events: Sequence[BreakEvent]) -> None:
        call = self._calls.innermost
        self._runs_plain(call, code)
        if call is None:
            return
        call.failed_recompiles += bool(self._entries.of(call.region, code))
        call.breaks += breaks.capture(events, self._callers(), call.region.forward.decorated)

    @_watching
    def graph_runs(self, graph: CapturedGraph, inputs: Sequence[Any]) -> None:
        call = self._calls.innermost
        if call is None:
            return
        if self._call != PROFILE and graph not in call.graphs:
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

    @_watching
    def graph_ran(self, graph: CapturedGraph, outputs: Any) -> None:
        if self._call == PROFILE and self._calls.innermost is not None:
            self._tensors.remember(outputs)

    def _callers(self) -> list[traceback.FrameSummary]:
        """The user's code that leads to the frame that is being compiled, from the innermost region on."""
        return locations.callers(self._region_code)


def _addresses(region: WatchedRegion) -> tuple[tuple[str, int], ...]:
    """Where the tensors lie that a captured graph of the region would know: its own, and those in global variables."""
    if region.is_users or region.module is None:
        return ()  # no graph of it is captured by itself
    entries = [entry for known in region.entries.values() for entry in known]
    return tuple(sorted({**dict(storage.addresses(region.module)), **dict(storage.global_addresses(entries))}.items()))


def _eager(module: torch.fx.GraphModule) -> Callable[..., Any]:
    torch_private.force_recompile(module)
    return FakeRuns(module.forward)
