"""All that Dynamo compiles in a process, and every call of it: one tap, whoever called ``torch.compile``."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from steadygraph import torch_private
from steadygraph.observe.run.frame_watch import FrameObserver, FrameWatch
from steadygraph.torch_private import EntryPoint
from steadygraph.torch_private.entries import CapturedGraph


class Hearing(Protocol):
    """Who hears of the calls of one entry point."""

    #: Nobody wants to hear of a call before it begins: what is compiled, and what runs, tells of it.
    settled: bool

    def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> object | None:
        """Before a call: what it is to be known by when it ends; None: nobody wants to hear how."""

    def asked(self, running: Running, code: types.CodeType) -> object | None:
        """Dynamo asks about a frame of a call, which ``running`` gives: what that is to be known by from now on.

        None: it is known, or nobody wants to hear of it.
        """

    def ran(self, running: Running, graph: CapturedGraph, *, is_asked: bool) -> object | None:
        """A graph is about to run in a call: what that is to be known by from now on, as where Dynamo asks.

        Args:
            running: Gives the call.
            graph: The graph.
            is_asked: It said already that the call is not as one before.
        """


Running = Callable[[], torch_private.RunningEntry | None]


class CallObserver(FrameObserver, Protocol):
    """Who is told what the tap sees."""

    def entry_point(self, point: EntryPoint) -> Hearing:
        """Who hears of its calls; asked once for each."""

    def entry_returned(self, call: Any, result: Any) -> None:
        """After a call; frames and graphs that were told of meanwhile in the same thread belong to it."""

    def entry_raised(self, call: Any, error: BaseException) -> None:
        """After a call that ended with an exception."""


class DynamoTap:
    """Every entry point of Dynamo, watched while it is installed: made before or after, called in whichever thread.

    What it looks at goes on as it would without it: with its own back end, options and cache entries.  It needs no
    case: whatever compiles in the process is seen.  Of two taps that are installed at once the first one is told.

    Args:
        observer: Told about calls, frames, guards and graphs.
        runner: Gives what runs a graph in the place of its own back end; None: that back end.
        failed: Told what goes wrong in the observer or here, and what is watched goes on; None: it is raised.
    """

    def __init__(
        self,
        observer: CallObserver,
        *,
        runner: Callable[[torch.fx.GraphModule], Callable[..., Any]] | None = None,
        failed: Callable[[Exception], object] | None = None,
    ) -> None:
        self._observer = observer
        self._runner = runner
        self.failed = failed
        #: Stands around the conversion of frames.
        self.watch = FrameWatch(observer, failed=failed)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """A block in which the observer is told."""
        with torch_private.entry_points_called(
            lambda point: _EntryWatch(self, self._observer.entry_point(point)), self.failed, self.watch
        ):
            yield

    def close(self) -> None:
        """Let the observer go: what was compiled meanwhile runs on and tells nobody."""
        self.watch.close()

    def graph(
        self, module: torch.fx.GraphModule, example_inputs: Any, compile_fn: Callable[..., Any], runs: _Runs
    ) -> Callable[..., Any]:
        """Hands a graph to its own back end, or to the runner; gives back what tells of its runs."""
        watch = self.watch
        graph = watch.held(captured)(module)
        if self._runner is None:
            compiled: Callable[..., Any] = compile_fn(module, example_inputs)
            # A lazy graph module prints a traceback of its own when its first call fails.
            torch_private.force_recompile(module)
        else:
            compiled = self._runner(module)
        if graph is None:
            return compiled
        graph.tells = True
        watch.graph_captured(graph)

        def run(*args: Any) -> Any:
            # Nearly every call comes by here, as one before.
            is_asked = not watch.listens
            if is_asked and graph.as_before():
                return compiled(*args)
            runs(graph, is_asked)
            watch.graph_runs(graph, args)
            outputs = compiled(*args)
            watch.graph_ran(graph, outputs)
            return outputs

        return run

    def ended(self, call: Any, *, result: Any = None, error: BaseException | None = None) -> None:
        if error is None:
            self._observer.entry_returned(call, result)
        else:
            self._observer.entry_raised(call, error)


#: Told of a graph that is about to run, and whether it was asked.
_Runs = Callable[[CapturedGraph, bool], object]


def captured(module: torch.fx.GraphModule) -> CapturedGraph:
    """The graph as it was handed over: what compiles it may change its own."""
    return CapturedGraph(torch_private.copied(module), torch_private.input_sources(module), {})


class _EntryWatch:
    """One entry point, and who hears of it."""

    __slots__ = ("_hear", "hearing", "tap")

    def __init__(self, tap: DynamoTap, hearing: Hearing) -> None:
        self.tap, self.hearing, self._hear = tap, hearing, hearing.called

    def converter(self, converter: Any) -> Any:
        return _WatchedConverter(converter, self)

    def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Call | None:
        call = self._hear(args, kwargs)
        return None if call is None else _Call(self.tap, call)

    def asked(self, code: types.CodeType) -> None:
        """Dynamo asks about a frame: who did not want to hear of the call may want to now."""
        self._opened(self.hearing.asked(torch_private.running_entry, code))

    def graph(
        self, module: torch.fx.GraphModule, example_inputs: Any, compile_fn: Callable[..., Any]
    ) -> Callable[..., Any]:
        return self.tap.graph(module, example_inputs, compile_fn, self.tap.watch.held(self._ran))

    def _ran(self, graph: CapturedGraph, is_asked: bool) -> None:
        # Modules of one class share what was compiled: the one that is called may be another than the one that was.
        hearing: Any = torch_private.entered.attention or self.hearing
        self._opened(hearing.ran(torch_private.running_entry, graph, is_asked=is_asked))

    def _opened(self, call: object | None) -> None:
        entry = None if call is None else torch_private.running_entry()
        if entry is not None:
            entry.then(_Call(self.tap, call), self.tap.failed)


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """A call that the observer wants to hear more of."""

    tap: DynamoTap
    call: object

    def returned(self, result: Any) -> None:
        self.tap.ended(self.call, result=result)

    def raised(self, error: BaseException) -> None:
        self.tap.ended(self.call, error=error)


class _WatchedConverter(torch_private.FrontOfConverter):
    """What somebody's ``torch.compile`` makes of frames, watched."""

    def __init__(self, converter: Any, entry: _EntryWatch) -> None:
        super().__init__(converter)
        self._entry, self._watch = entry, entry.tap.watch

    def __call__(self, frame: Any, cache_entry: Any, hooks: Any, frame_state: Any, skip: int = 0) -> Any:
        if torch_private.is_excluded_alone():
            return torch_private.run_uncompiled("excluded from compilation, without what it calls")
        self._watch.held(self._entry.asked)(frame.f_code)
        if not self._watch.listens:
            return self._convert(frame, cache_entry, hooks, frame_state, skip=skip + 1)
        watched = torch_private.with_graphs_seen(self._convert, self._entry.graph, self._watch.failed)
        beside = torch_private.hooks_beside(hooks, self._watch.held(self._watch.guards_made))

        def convert() -> Any:
            return watched(frame, cache_entry, beside, frame_state, skip=skip + 3)

        with self._all_guards(hooks):
            return self._watch.converted(frame, convert)

    def _all_guards(self, hooks: Any) -> contextlib.AbstractContextManager[None]:
        if hooks.guard_filter_fn is None:
            return contextlib.nullcontext()
        return torch_private.unfiltered_guards(self._watch.all_guards_built)
