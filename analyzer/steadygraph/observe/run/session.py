"""One model under observation: its regions compiled with guards kept, every call of a region looked at.

The guard-keeping run is the ``recompile`` policy and, at the same time, the source of everything else: the graph that a
recompile captures is the graph that the serving call would have needed, and the entries made in the profile call are
what a deployment without guards goes on running.
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

import torch
from torch import nn

from steadygraph.model import PROFILE, GraphBreak, Observation
from steadygraph.observe.graphs import breaks
from steadygraph.observe.guards import closest
from steadygraph.observe.guards.asked import Frame
from steadygraph.observe.guards.sources import Names, names_of
from steadygraph.observe.inputs import ambient, storage, structure
from steadygraph.observe.places import locations
from steadygraph.observe.run import frame_locals
from steadygraph.observe.run.answers import Answers
from steadygraph.observe.run.calls import OpenCalls
from steadygraph.observe.run.forwards import swapped
from steadygraph.observe.run.frame_tap import EntryReplay, FrameTap
from steadygraph.observe.run.reduction import Reduction
from steadygraph.observe.run.watching import OpenCall, WatchedRegion, names_in
from steadygraph.torch_private import (
    cache_entry_count,
    forget,
    original_function,
    when_asked,
    with_own_code,
)
from steadygraph.torch_private.entries import BreakEvent, CapturedGraph, CompiledFrame

Method = TypeVar("Method", bound=Callable[..., Any])


def _watching(method: Method) -> Method:
    """What goes wrong in an observer is steadygraph's failure: it must not pass for one of the model's call."""

    @functools.wraps(method)
    def watch(session: CompileSession, *args: Any) -> Any:
        try:
            return method(session, *args)
        except Exception as error:
            session.failure = session.failure or error
            raise

    return cast(Method, watch)


class CompileSession:
    """Compiles regions with guards kept and observes their calls.

    Args:
        regions: (name, module) pairs; their ``forward`` is compiled.
        model: What the regions are parts of; None: the region itself.
        options: Keywords of torch.compile that Dynamo understands (dynamic, fullgraph, recompile_limit).
        backends: Further back ends for the graphs of the profile call.
    """

    def __init__(
        self,
        regions: Sequence[tuple[str, nn.Module]],
        *,
        options: Mapping[str, Any],
        backends: Mapping[str, Callable[..., Any]],
        model: nn.Module | None = None,
    ) -> None:
        self._model = model
        self._tap = FrameTap(
            self,
            backends=backends,
            dynamic=options.get("dynamic"),
            fullgraph=bool(options.get("fullgraph", False)),
            recompile_limit=options.get("recompile_limit"),
            models=[module for _, module in regions],
        )
        # Code objects are equal by content, and hashing one hashes its constants, of which a slice has no hash: they
        # are kept by identity.  Entries keep them alive.
        self._twins: dict[int, Callable[..., Any]] = {}
        self.regions = [self._watch(name, module) for name, module in regions]
        self.observations: list[Observation] = []
        #: What went wrong in an observer.
        self.failure: Exception | None = None
        self._entries: dict[int, list[CompiledFrame]] = {}
        self._foreign: set[int] = set()
        #: Entries of code that had one before.
        self._again: set[CompiledFrame] = set()
        self._calls = OpenCalls()
        self._call = PROFILE
        self._reduction = Reduction()
        self._breaks: dict[CompiledFrame, tuple[GraphBreak, ...]] = {}
        self.answers = Answers(self._lookup)

    # --- running ---------------------------------------------------------------------------------

    def start(self, call: str) -> None:
        """What follows belongs to this call ("profile" or a scenario), which the current thread makes."""
        self._settle()
        self._call = call
        self._calls.drive()
        self._tap.also_compile = self._tap.also_compile and call == PROFILE

    @contextlib.contextmanager
    def guards_kept(self) -> Iterator[None]:
        """Regions run compiled and observed; guards decide, as in stock torch.compile."""
        with swapped({region.module: self._observing(region) for region in self.regions}):
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
        replays = {r.module: EntryReplay(self._lookup(r), admit).wrap(r.original) for r in self.regions}
        before, self._tap.active_backend = self._tap.active_backend, backend
        try:
            with swapped(replays):
                yield
        finally:
            self._tap.active_backend = before

    def close(self) -> None:
        """Remove what was compiled, except beside entries that somebody else made for the same code."""
        for code_id, entries in self._entries.items():
            if code_id not in self._foreign:
                forget(entries[0].code)
        # Dynamo keeps each graph's function among the globals of the model's file until the compiled code is gone: what
        # such a function leads to must not hold that code.
        for entries in self._entries.values():
            for graph in (graph for entry in entries for graph in entry.graphs):
                graph.entry = None
        self._tap.close()

    def _watch(self, name: str, module: nn.Module) -> WatchedRegion:
        # Modules of one class share their code object, and with it Dynamo's cache: keep it so.
        plain = getattr(module.forward, "__func__", module.forward)
        code = getattr(plain, "__code__", None)
        if code is None:
            own: Callable[..., Any] = module.forward
        else:
            twin = self._twins.setdefault(id(code), with_own_code(plain))
            own = types.MethodType(twin, module) if isinstance(module.forward, types.MethodType) else twin
        compiled = self._tap.wrap(own)
        function = original_function(compiled)
        return WatchedRegion(name, module, own, compiled, function, names_in(function, module))

    def _lookup(self, region: WatchedRegion) -> Callable[[types.CodeType], CompiledFrame | None]:
        def lookup(code: types.CodeType) -> CompiledFrame | None:
            return next(iter(region.entries.get(id(code)) or self._of_nobody_else(region, code)), None)

        return lookup

    def _of_nobody_else(self, region: WatchedRegion, code: types.CodeType) -> list[CompiledFrame]:
        """Entries made after the profile call: one that answered another region there is compiled for that one."""
        others = [entry for r in self.regions if r is not region for entry in r.entries.get(id(code), ())]
        return [entry for entry in self._entries.get(id(code), ()) if entry not in others]

    # --- one call of one region --------------------------------------------------------------------

    def _observing(self, region: WatchedRegion) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            # A region inside of a region is traced with it.  is_compiling() is true in every thread while one compiles.
            if torch.compiler.is_dynamo_compiling():
                return region.original(*args, **kwargs)
            call = self._begin(region, args, kwargs)
            self._calls.begin(call)
            try:
                output = region.compiled(*args, **kwargs)
                call.output = structure.capture(output)
                return output
            except Exception as error:
                call.error = locations.of_failure(error)
                raise
            finally:
                call.addresses_after = _addresses(region)
                self._calls.end(call)
                if call.in_order:
                    self.observations.append(self._observation(call))

        return forward

    @_watching
    def _settle(self) -> None:
        """Observe the calls of other threads."""
        self.observations += map(self._observation, self._calls.settled())

    @_watching
    def _observation(self, call: OpenCall) -> Observation:
        self.answers.ended(call, self._entries)
        return self._reduction.observation(call, self._again)

    @_watching
    def _begin(self, region: WatchedRegion, args: Sequence[Any], kwargs: Mapping[str, Any]) -> OpenCall:
        call = OpenCall(
            region=region,
            call=self._call,
            in_order=self._calls.in_order,
            inputs=structure.capture_call(args, kwargs),
            ambient=ambient.capture(region.module),
            addresses=_addresses(region),
            handed=storage.handed(self._model or region.module, region.module, args, kwargs),
        )
        f_locals = frame_locals.bind(region.function, args, kwargs)
        if f_locals is None or region.code is None:
            return call
        if self._call == PROFILE:
            region.profile_ambient = region.profile_ambient or call.ambient
            for entry in self._entries.get(id(region.code), ()):
                if entry.guard_tree.holds(f_locals):
                    region.answered_by(entry)
                    call.breaks += self._breaks[entry]
                    break
        else:
            self._compare(call, region.code, f_locals, region.names)
        return call

    def _compare(
        self, call: OpenCall, code: types.CodeType, f_locals: Mapping[str, Any], names: Names, function: str = ""
    ) -> None:
        """Hold a frame against the entries of the profile call: all guards that the closest of them sees violated."""
        region = call.region
        settings = None if region.profile_ambient is None else (region.profile_ambient, call.ambient)
        frame = Frame(f_locals, names, region.name, function, settings)
        found = closest.answer(region.entries.get(id(code), ()), frame)
        if found.entry is not None and found.holds:
            call.breaks += self._breaks[found.entry]
        call.violates(found.violated)

    def _compare_inner(self, call: OpenCall, code: types.CodeType, f_locals: Mapping[str, Any]) -> None:
        """The same for a frame that the region calls, or in which it goes on after a graph break."""
        receiver = "self" if f_locals.get("self") is call.region.module else None
        self._compare(call, code, f_locals, names_of(code, receiver), locations.of_code(code).function)

    # --- what the tap tells ----------------------------------------------------------------------

    @_watching
    def frame_entered(self, code: types.CodeType, f_locals: Mapping[str, Any], f_globals: Mapping[str, Any]) -> None:
        if id(code) not in self._entries and cache_entry_count(code):
            self._foreign.add(id(code))
        call = self._calls.innermost
        if call is None:
            return
        call.region.looked_at |= self._call == PROFILE
        call.meanwhile[id(code)] = self._made_meanwhile(call, code, f_locals)
        if self._call != PROFILE and code is not call.region.code:
            self._compare_inner(call, code, f_locals)

    def _made_meanwhile(
        self, call: OpenCall, code: types.CodeType, f_locals: Mapping[str, Any]
    ) -> CompiledFrame | None:
        """An entry that answers, although Dynamo found none: only where threads come in each other's way.

        Dynamo looks first and waits for its lock then: two threads compile one after the other what either needs once.
        Guards that two threads ask at once may fail, too.  How often that happens is luck (torch 2.13).
        """
        known = self._entries.get(id(code), ()) if call.overlaps else ()
        return next((entry.stands_for for entry in known if entry.guard_tree.holds(f_locals)), None)

    @_watching
    def frame_compiled(self, entry: CompiledFrame, events: Sequence[BreakEvent]) -> None:
        known = self._entries.setdefault(id(entry.code), [])
        again = bool(known)
        known.append(entry)
        self._breaks[entry] = breaks.capture(events)
        if again:
            self._again.add(entry)
        call = self._calls.innermost
        if call is None:
            return
        entry.same_as = call.meanwhile.pop(id(entry.code), None)
        if entry.same_as is None:
            call.compiled.append(entry)
            call.breaks += self._breaks[entry]
        if self._call == PROFILE:
            call.region.answered_by(entry.stands_for)
        elif entry.code is not call.region.code:
            when_asked(entry.guard_manager, functools.partial(self._calls.ask, id(entry)))

    @_watching
    def frame_skipped(self, code: types.CodeType, why: str, events: Sequence[BreakEvent]) -> None:
        self.answers.given_up |= id(code) in self._entries
        call = self._calls.innermost
        if call is None or not (events or _gave_up(why)):
            return
        # Dynamo tried, as it would for a recompile that succeeds, and what the frame calls is compiled piece by piece.
        call.failed_recompiles += id(code) in self._entries
        if locations.is_user_file(code.co_filename):
            call.breaks += breaks.skipped(locations.of_code(code), why, events)

    @_watching
    def frame_failed(self, code: types.CodeType, events: Sequence[BreakEvent]) -> None:
        self.answers.given_up |= id(code) in self._entries
        call = self._calls.innermost
        if call is None:
            return
        call.failed_recompiles += id(code) in self._entries
        call.breaks += breaks.capture(events)

    @_watching
    def graph_runs(self, graph: CapturedGraph) -> None:
        call = self._calls.innermost
        if call is None:
            return
        call.graphs.append(graph)
        entry = graph.entry
        if entry is None or entry in call.compiled:
            return
        # An entry made in an earlier call answers: other calls than that one may not need it.
        f_locals = self._calls.asked(id(entry))
        if f_locals is not None:
            self._compare_inner(call, entry.code, f_locals)
        call.breaks += self._breaks[entry]


def _addresses(region: WatchedRegion) -> tuple[tuple[str, int], ...]:
    """Where the tensors lie that a captured graph of the region would know: its own, and those in global variables."""
    entries = [entry for known in region.entries.values() for entry in known]
    return tuple(sorted({**dict(storage.addresses(region.module)), **dict(storage.global_addresses(entries))}.items()))


def _gave_up(why: str) -> bool:
    """Did Dynamo try to compile the frame and fail?  Frames that it never looks into are no graph breaks."""
    return "error was suppressed" in why or "custom frame execution strategy" in why
