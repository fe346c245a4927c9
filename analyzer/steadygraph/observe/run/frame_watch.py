"""What Dynamo does with one frame after the other, whoever had it asked."""

from __future__ import annotations

import contextlib
import traceback
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from steadygraph import torch_private
from steadygraph.errors import raised
from steadygraph.observe.guards import variadic
from steadygraph.observe.guards.sources import names_of
from steadygraph.redaction.text import redacted
from steadygraph.torch_private.entries import BreakEvent, CapturedGraph, CompiledFrame, LoneGuard, SkippedFrame
from steadygraph.torch_private.guards import MadeGuard

Result = TypeVar("Result")


class FrameObserver(Protocol):
    """Who is told what the watch sees."""

    def frame_entered(self, code: types.CodeType, f_locals: Mapping[str, Any], f_globals: Mapping[str, Any]) -> None:
        """Before a frame is compiled, in the state in which its guards will be looked at."""

    def frame_compiled(self, entry: CompiledFrame, breaks: Sequence[BreakEvent]) -> None:
        """After a frame was compiled."""

    def frame_skipped(self, skipped: SkippedFrame, breaks: Sequence[BreakEvent]) -> None:
        """After Dynamo gave up on a frame: it runs as plain Python, now and in future."""

    def frame_failed(self, code: types.CodeType, breaks: Sequence[BreakEvent]) -> None:
        """After a compilation raised: with ``fullgraph`` a graph break is an error of the call."""

    def graph_runs(self, graph: CapturedGraph, inputs: Sequence[Any]) -> None:
        """Each time that a compiled graph is called."""

    def graph_ran(self, graph: CapturedGraph, outputs: Any) -> None:
        """After such a call, unless it raised."""


@dataclass(eq=False)
class _Compilation:
    """What is heard while one frame is compiled; another may be compiled inside of it."""

    graphs: list[CapturedGraph] = field(default_factory=list)
    guards: Sequence[MadeGuard] = ()
    all_guards: Any = None
    alone: Sequence[LoneGuard] = ()
    questions: list[Sequence[traceback.FrameSummary]] = field(default_factory=list)
    #: Why it could not be traced.
    failure: str | None = None
    #: What the frame had in ``*args`` and ``**kwargs`` before it ran.
    variadic: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


class _Attempt:
    """Dynamo's conversion of a frame, made once: what becomes of it is not what becomes of who watches it."""

    def __init__(self, convert: Callable[[], Any]) -> None:
        self._convert = convert
        self._result: Any = None
        self._made = False
        self._error: BaseException | None = None

    def __call__(self) -> Any:
        if self._error is not None:
            raise self._error
        if not self._made:
            try:
                self._result, self._made = self._convert(), True
            except BaseException as error:
                self._error = error
                raise
        return self._result

    def raised(self, error: BaseException) -> bool:
        return error is self._error


class FrameWatch:
    """Stands around the conversion of frames and tells an observer; it changes none of them.

    Args:
        observer: Told about frames, guards, graphs.
        failed: Told what goes wrong in the observer or here, and Dynamo goes on; None: it is raised.
    """

    def __init__(self, observer: FrameObserver, *, failed: Callable[[Exception], object] | None = None) -> None:
        # Dynamo keeps its callbacks, and with them this, until torch.compiler.reset().
        self._observers: list[FrameObserver] = [observer]
        self._own_failure = failed
        #: Does the observer want to be told of anything now?
        self.listens = True
        #: The innermost one last.  Dynamo holds a lock while it compiles: all are of one thread.
        self._compilations: list[_Compilation] = []

    def close(self) -> None:
        """Let the observer go."""
        self._observers.clear()
        self.listens = False

    def held(self, function: Callable[..., Result]) -> Callable[..., Result | None]:
        """The same function; what goes wrong in it is told, and None its answer."""

        def call(*args: Any) -> Result | None:
            try:
                return function(*args)
            except Exception as error:
                if self._own_failure is None:
                    raise
                self._own_failure(error)
                return None

        return call

    def converted(self, frame: Any, convert: Callable[[], Any]) -> Any:
        """What ``convert`` makes of the frame, under observation."""
        attempt = _Attempt(convert)
        try:
            return self._converted(frame, attempt)
        except Exception as error:
            if self._own_failure is None or attempt.raised(error):
                raise
            self._own_failure(error)
        return attempt()

    def _converted(self, frame: Any, convert: _Attempt) -> Any:
        for observer in self._observers:
            observer.frame_entered(frame.f_code, frame.f_locals, frame.f_globals)
        try:
            with (
                self._compilation() as made,
                torch_private.recorded_breaks() as recorded,
                torch_private.compile_questions_heard(made.questions.append),
                torch_private.guard_errors_raised_only(),
            ):
                made.variadic = variadic.entries(names_of(frame.f_code, None), frame.f_locals)
                result = convert()
        except Exception as error:
            if not convert.raised(error):
                raise
            reason = torch_private.unsupported(error)
            for observer in self._observers:
                observer.frame_failed(frame.f_code, [] if reason is None else [BreakEvent(*reason)])
            raise
        self._tell(frame, result, made, [BreakEvent(*one) for one in recorded])
        return result

    def _tell(self, frame: Any, result: Any, made: _Compilation, events: Sequence[BreakEvent]) -> None:
        guarded = torch_private.guarded_code(result)
        if guarded is None:
            why = torch_private.skip_reason(result) or "frame was skipped"
            skipped = SkippedFrame(frame.f_code, why, made.failure, torch_private.is_at_limit(result))
            for observer in self._observers:
                observer.frame_skipped(skipped, events)
            return
        entry = CompiledFrame(
            frame.f_code,
            guarded.code,
            guarded.guard_manager,
            guarded.compile_id,
            frame.f_globals,
            made.guards,
            made.graphs,
            made.all_guards,
            made.questions,
            made.variadic,
            alone=made.alone,
        )
        for graph in made.graphs:
            graph.entry = entry
        for observer in self._observers:
            observer.frame_compiled(entry, events)

    @contextlib.contextmanager
    def _compilation(self) -> Iterator[_Compilation]:
        self._compilations.append(_Compilation())
        try:
            yield self._compilations[-1]
        finally:
            self._compilations.pop()

    # --- what is heard while a frame is converted ------------------------------------------------

    def begin_again(self) -> None:
        """The frame is traced once more: what was heard so far is of no account."""
        made = self._compilations[-1]
        made.graphs, made.guards, made.all_guards, made.failure = [], (), None, None
        made.alone = ()

    def guards_made(self, guards: Any) -> None:
        self._compilations[-1].guards = tuple(map(MadeGuard, guards))

    def guards_taken_apart(self, workshop: torch_private.GuardWorkshop) -> None:
        """Ask each guard of the frame by itself from now on."""
        self._compilations[-1].alone = tuple(torch_private.lone_guards(workshop))

    def all_guards_built(self, guard_manager: Any) -> None:
        """The frame's own options drop some of these."""
        self._compilations[-1].all_guards = guard_manager

    def failed(self, error: Exception) -> None:
        self.held(self._failed)(error)

    def _failed(self, error: Exception) -> None:
        self._compilations[-1].failure = redacted(raised.text(error))

    def graph_captured(self, graph: CapturedGraph) -> None:
        # Of a compilation that is watched no more, nobody is told.
        for made in self._compilations[-1:]:
            made.graphs.append(graph)

    def graph_runs(self, graph: CapturedGraph, inputs: Sequence[Any]) -> None:
        for observer in self._observers:
            self.held(observer.graph_runs)(graph, inputs)

    def graph_ran(self, graph: CapturedGraph, outputs: Any) -> None:
        for observer in self._observers:
            self.held(observer.graph_ran)(graph, outputs)
