"""All that Dynamo compiles in a process, and every call of it: one tap, whoever called ``torch.compile``."""

from __future__ import annotations

import contextlib
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

    def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> object | None:
        """Before a call: what it is to be known by when it ends; None: nobody wants to hear how."""

    def asked(self, running: Callable[[], torch_private.RunningEntry | None]) -> object | None:
        """Dynamo asks about a frame of a call, which ``running`` gives: what that is to be known by from now on.

        None: it is known, or nobody wants to hear of it.
        """


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
            lambda point: _EntryWatch(self, self._observer.entry_point(point)), self.failed
        ):
            yield

    def close(self) -> None:
        """Let the observer go: what was compiled meanwhile runs on and tells nobody."""
        self.watch.close()

    def graph(
        self, module: torch.fx.GraphModule, example_inputs: Any, compile_fn: Callable[..., Any]
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
        watch.graph_captured(graph)

        def run(*args: Any) -> Any:
            if not watch.listens:
                return compiled(*args)
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

    def asked(self) -> None:
        """Dynamo asks about a frame: who did not want to hear of the call may want to now."""
        running = torch_private.running_entry
        call = self.hearing.asked(running)
        entry = None if call is None else running()
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
        self._watch.held(self._entry.asked)()
        if not self._watch.listens:
            return self._convert(frame, cache_entry, hooks, frame_state, skip=skip + 1)
        watched = torch_private.with_graphs_seen(self._convert, self._entry.tap.graph, self._watch.failed)
        beside = torch_private.hooks_beside(hooks, self._watch.held(self._watch.guards_made))

        def convert() -> Any:
            return watched(frame, cache_entry, beside, frame_state, skip=skip + 3)

        with self._all_guards(hooks):
            return self._watch.converted(frame, convert)

    def _all_guards(self, hooks: Any) -> contextlib.AbstractContextManager[None]:
        if hooks.guard_filter_fn is None:
            return contextlib.nullcontext()
        return torch_private.unfiltered_guards(self._watch.all_guards_built)
