"""One model under observation: its regions compiled with guards kept, every call of a region looked at.

The guard-keeping run is the ``recompile`` policy and, at the same time, the source of everything else: the graph that a
recompile captures is the graph that the serving call would have needed, and the entries made in the profile call are
what a deployment without guards goes on running.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.model import PROFILE, Observation, ViolatedGuard
from steadygraph.observe.guards import closest, inspection
from steadygraph.observe.guards.asked import Asked
from steadygraph.observe.inputs import ambient, structure
from steadygraph.observe.places import locations
from steadygraph.observe.replay.fake_runs import FakeRuns
from steadygraph.observe.run.answers import Answers
from steadygraph.observe.run.call_watch import CallWatch, watching
from steadygraph.observe.run.calls import OpenCalls
from steadygraph.observe.run.entry_points import EntryPoints
from steadygraph.observe.run.entry_replay import EntryReplay, dropped
from steadygraph.observe.run.forwards import swapped
from steadygraph.observe.run.frame_tap import FrameTap
from steadygraph.observe.run.guard_work import GuardWork
from steadygraph.observe.run.kept_entries import KeptEntries
from steadygraph.observe.run.reduction import Reduction
from steadygraph.observe.run.regions import Regions
from steadygraph.observe.run.tap import DynamoTap
from steadygraph.observe.run.watching import Forward, OpenCall, WatchedRegion, placed
from steadygraph.torch_private.entries import CompiledFrame

#: Gives what stands in for a region's forward while the model is called.
StandIn = Callable[[WatchedRegion, nn.Module], Callable[..., Any]]


class Answering(Protocol):
    """Who knows which entry runs."""

    def lookup(self, code: types.CodeType, f_locals: Mapping[str, Any]) -> CompiledFrame | None:
        """The entry that answers a frame; None: it runs as plain Python."""


class CompileSession(CallWatch):
    """Compiles regions with guards kept and observes their calls, and those of whatever else is compiled.

    What the model's own code compiles runs as it would anyway, with its own options.

    Args:
        regions: (name, module) pairs; their ``forward`` is compiled.
        model: What the regions are parts of; None: the first region.
        options: Keywords of torch.compile that Dynamo understands (dynamic, fullgraph, recompile_limit).
        backends: Further back ends for the graphs of the profile call.
        at_serving: Are they for the graphs of serving calls as well?
        simulated: Is the device one that is not there?  Then no back end but the eager one can run.
        guards: What is done with the guards of regions, beside what Dynamo does.
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
        guards: GuardWork | None = None,
    ) -> None:
        model = regions[0][1] if model is None else model
        self.options, self._at_serving, self.simulated = options, at_serving, simulated
        self._tap = FrameTap(
            self,
            backends=backends,
            dynamic=options.get("dynamic"),
            fullgraph=bool(options.get("fullgraph", False)),
            recompile_limit=options.get("recompile_limit"),
            models=[module for _, module in regions],
            guards=guards,
        )
        self.regions = Regions(regions, self._tap)
        self._everything = DynamoTap(self, runner=_eager if simulated else None)
        super().__init__(EntryPoints(model, [region.name for region in self.regions]), OpenCalls(), Reduction())
        self._model = model
        self.observations: list[Observation] = []
        #: What a region's forward is replaced by while the model is called.
        self._stand_in: StandIn | None = None
        self._made: dict[Forward, Callable[..., Any]] = {}
        #: Always the same: guards of a region around another one look at the inner one's forward.
        self._observers: dict[Forward, Callable[..., Any]] = {}
        self._kept = KeptEntries()
        #: What answers in the place of Dynamo: nothing is compiled, and nothing observed.
        self._replay: EntryReplay | None = None
        self._call = PROFILE
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
    def guards_asked(self, kept: Answering, *, backend: str) -> Iterator[None]:
        """Regions run what the recording compiled, each frame the entry whose guards hold; nothing is traced.

        Args:
            kept: Finds that entry: of :meth:`kept_entries`, told of each call that starts.
            backend: Whose code runs the captured graphs.
        """
        self._replay = EntryReplay(kept.lookup, ask_again=True)
        try:
            with self._running_graphs_of(backend), self._standing_in(self._observing):
                yield
        finally:
            self._replay = None
            self._calls.forget_asked()

    def violated(self, entry: CompiledFrame, f_locals: Mapping[str, Any]) -> tuple[ViolatedGuard, ...]:
        """Guards of an entry of the profile call that a frame, which may be about to run it, does not satisfy.

        Where some are on the arguments, no others are looked for; failing that, the first one is enough.
        """
        if entry.answers(f_locals):
            return ()
        region = next((r for r in self.regions if entry in r.entries.get(id(entry.code), ())), None)
        if region is None:
            return ()
        frame = self._frame_of(region, ambient.capture(region.module), entry.code, f_locals)
        asked = Asked(entry, frame)
        one = () if asked.ambient_violated else inspection.of_arguments(asked) or inspection.first(asked)
        found = closest.Answer(entry, violated=one) if one else closest.answer([entry], frame)
        return tuple(placed(guard, found, ()) for guard in found.violated)

    def kept_entries(self) -> KeptEntries:
        """What each call of the recording compiled, and gave up, to be looked up once more."""
        return self._kept.again()

    def digest(self, entry: CompiledFrame) -> str:
        """What an entry of a region computes; empty if that is not known."""
        return self._reduction.digest(entry)

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

    def _call_of(self, region: WatchedRegion) -> str:
        return self._call

    def _ended(self, call: OpenCall) -> None:
        if call.in_order:
            self.observations.append(self._observation(call))

    @watching
    def _settle(self) -> None:
        """Observe the calls of other threads."""
        self.observations += map(self._observation, self._calls.settled())

    @watching
    def _observation(self, call: OpenCall) -> Observation:
        if not call.region.is_users:
            self.answers.ended(call, self._entries.of_regions)
        return self._reduction.observation(call, self._entries.again)

    def _deployed(self, entry: CompiledFrame) -> None:
        self._kept.compiled(entry)

    def _runs_plain(self, call: OpenCall | None, code: types.CodeType) -> None:
        if call is not None and not call.region.is_users:
            self.answers.given_up |= bool(self._entries.of(call.region, code))
            self._kept.given_up(code)


def _eager(module: torch.fx.GraphModule) -> Callable[..., Any]:
    torch_private.force_recompile(module)
    return FakeRuns(module.forward)
