"""Dynamo's frame callback, watched; and the same callback, answering with what was compiled before.

Dynamo asks one callback what to do with a Python frame.  :class:`FrameTap` stands around Dynamo's own there: it sees
the frame's locals before anything is compiled, the graphs, the guards and the compiled code after, and changes none
of them. :class:`EntryReplay` answers without compiling: it hands out code that was compiled before, without guards,
which is what a deployment does that drops them.
"""

from __future__ import annotations

import contextlib
import copy
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.observe.layers.repeated_layers import RepeatedLayers
from steadygraph.observe.replay.fake_runs import FakeRuns
from steadygraph.torch_private.entries import BreakEvent, CapturedGraph, CompiledFrame
from steadygraph.torch_private.guards import MadeGuard


class FrameObserver(Protocol):
    """Who is told what the tap sees."""

    def frame_entered(self, code: types.CodeType, f_locals: Mapping[str, Any], f_globals: Mapping[str, Any]) -> None:
        """Before a frame is compiled, in the state in which its guards will be looked at."""

    def frame_compiled(self, entry: CompiledFrame, breaks: Sequence[BreakEvent]) -> None:
        """After a frame was compiled."""

    def frame_skipped(self, code: types.CodeType, why: str, breaks: Sequence[BreakEvent]) -> None:
        """After Dynamo gave up on a frame: it runs as plain Python, now and in future."""

    def frame_failed(self, code: types.CodeType, breaks: Sequence[BreakEvent]) -> None:
        """After a compilation raised: with ``fullgraph`` a graph break is an error of the call."""

    def graph_runs(self, graph: CapturedGraph) -> None:
        """Each time that a compiled graph is called."""


@dataclass(eq=False)
class _Compilation:
    """What is heard while one frame is compiled; another may be compiled inside of it."""

    graphs: list[CapturedGraph] = field(default_factory=list)
    guards: Sequence[MadeGuard] = ()
    failure: str = ""

    def begin_again(self) -> None:
        self.graphs, self.guards, self.failure = [], (), ""


class FrameTap(torch_private.FrameCallback):
    """Dynamo's frame callback, watched.

    Args:
        observer: Told about frames, guards, graphs.
        backends: Extra back ends (name -> compile function) to which every graph captured while ``also_compile`` is set
            is given too; "eager" is always there and is what runs.
        dynamic: As in ``torch.compile``.
        fullgraph: As in ``torch.compile``.
        recompile_limit: As in ``torch.compile``.
        models: Modules whose repeated layers are to be traced once.
    """

    def __init__(
        self,
        observer: FrameObserver,
        *,
        backends: Mapping[str, Callable[..., Any]] | None = None,
        dynamic: bool | None = None,
        fullgraph: bool = False,
        recompile_limit: int | None = None,
        models: Sequence[nn.Module] = (),
    ) -> None:
        # In a list: Dynamo copies the attributes of its callbacks.
        self._observers: list[FrameObserver] = [observer]
        self._backends = dict(backends or {})
        self._layers = RepeatedLayers(models)
        self.also_compile = bool(self._backends)
        #: Which back end's callable a captured graph runs.
        self.active_backend = "eager"
        #: The innermost one last.  Dynamo holds a lock while it compiles: all are of one thread.
        self._compilations: list[_Compilation] = []
        hooks = torch_private.hooks(self._keep_guards)
        super().__init__(self._compile_graph)
        self._convert = torch_private.frame_converter(
            self._torchdynamo_orig_backend,
            hooks,
            fullgraph=fullgraph,
            recompile_limit=recompile_limit,
            failed=self._keep_failure,
        )
        self._context = torch_private.compiling(self, hooks, fullgraph=fullgraph, dynamic=dynamic)

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``torch.compile(function)`` with this tap; calls of the same tap share one cache per code object."""
        return self._context(function)

    def close(self) -> None:
        """Let the observer go; Dynamo keeps its callbacks until ``torch.compiler.reset()``."""
        self._observers.clear()

    def __call__(self, frame: Any, cache_entry: Any, hooks: Any, frame_state: Any, skip: int = 0) -> Any:
        for observer in self._observers:
            observer.frame_entered(frame.f_code, frame.f_locals, frame.f_globals)
        try:
            with self._compilation() as made, torch_private.recorded_breaks() as recorded:
                result = self._converted(frame, cache_entry, hooks, frame_state, skip + 1)
        except Exception as error:
            reason = torch_private.unsupported(error)
            for observer in self._observers:
                observer.frame_failed(frame.f_code, [] if reason is None else [BreakEvent(*reason)])
            raise
        events = [BreakEvent(*one) for one in recorded]
        guarded = torch_private.guarded_code(result)
        if guarded is None:
            why = f"{torch_private.skip_reason(result) or 'frame was skipped'}\n{made.failure}"
            for observer in self._observers:
                observer.frame_skipped(frame.f_code, why, events)
            return result
        entry = CompiledFrame(
            frame.f_code,
            guarded.code,
            guarded.guard_manager,
            guarded.compile_id,
            frame.f_globals,
            made.guards,
            made.graphs,
        )
        for graph in made.graphs:
            graph.entry = entry
        for observer in self._observers:
            observer.frame_compiled(entry, events)
        return result

    def _converted(self, frame: Any, cache_entry: Any, hooks: Any, frame_state: Any, skip: int) -> Any:
        """What Dynamo makes of the frame, repeated layers traced once where that is possible."""
        with self._layers.traced_once() as trace:
            try:
                result = self._convert(frame, cache_entry, hooks, frame_state, skip=skip + 1)
            except Exception:
                if not trace.spared:
                    raise
                result = None
        if result is not None and (torch_private.guarded_code(result) is not None or not trace.spared):
            return result
        # Whose fault that was shows when every layer is traced.
        self._compilations[-1].begin_again()
        return self._convert(frame, cache_entry, hooks, frame_state, skip=skip + 1)

    @contextlib.contextmanager
    def _compilation(self) -> Iterator[_Compilation]:
        self._compilations.append(_Compilation())
        try:
            yield self._compilations[-1]
        finally:
            self._compilations.pop()

    def _keep_guards(self, guards: Any) -> None:
        self._compilations[-1].guards = tuple(map(MadeGuard, guards))

    def _keep_failure(self, error: Exception) -> None:
        self._compilations[-1].failure = str(error)

    def _compile_graph(self, module: torch.fx.GraphModule, example_inputs: Any) -> Callable[..., Any]:
        self._layers.tidy(module)
        graph = CapturedGraph(module, torch_private.input_sources(module), {})
        if self.also_compile:
            for name, compile_fn in self._backends.items():
                graph.runners[name] = _compiled_or_failing(compile_fn, module, example_inputs)
        self._compilations[-1].graphs.append(graph)
        # A lazy graph module prints a traceback of its own when its first call fails.
        torch_private.force_recompile(module)
        eager = FakeRuns(module.forward)

        def run(*args: Any) -> Any:
            for observer in self._observers:
                observer.graph_runs(graph)
            return graph.runners.get(self.active_backend, eager)(*args)

        return run


def _compiled_or_failing(
    compile_fn: Callable[..., Any], module: torch.fx.GraphModule, example_inputs: Any
) -> Callable[..., Any]:
    """A second back end must not spoil the observation: what it raises is raised when it is asked to run."""
    try:
        compiled: Callable[..., Any] = compile_fn(copy.deepcopy(module), example_inputs)
    except Exception as error:
        failure = error

        def fail(*_args: Any) -> Any:
            raise failure

        return fail
    return compiled


class EntryReplay(torch_private.FrameCallback):
    """A frame callback that runs code compiled before, whatever the inputs look like: guards dropped.

    Args:
        lookup: The entry to run for a code object; None for a frame that the profile call never reached.
        admit: Called with the entry and the frame's locals at every call; it may raise to refuse the call.
            None: no check at all.
    """

    def __init__(
        self,
        lookup: Callable[[types.CodeType], CompiledFrame | None],
        admit: Callable[[CompiledFrame, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._lookup = lookup
        self._admit = admit
        super().__init__(_no_compilation)
        self._context = torch_private.compiling(self, torch_private.hooks())

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, answered by the entries of ``lookup``."""
        return self._context(function)

    def __call__(self, frame: Any, cache_entry: Any, hooks: Any, frame_state: Any, skip: int = 0) -> Any:
        entry = self._lookup(frame.f_code)
        if entry is None:
            return torch_private.run_uncompiled("never compiled")
        if self._admit is not None:
            self._admit(entry, frame.f_locals)
        return torch_private.run_code(entry.compiled_code, entry.compile_id, ask_again=self._admit is not None)


def _no_compilation(module: torch.fx.GraphModule, example_inputs: Any) -> Callable[..., Any]:
    raise AssertionError("a replay compiles nothing")
