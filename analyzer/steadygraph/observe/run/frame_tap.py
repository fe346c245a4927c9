"""Dynamo's frame callback for regions, watched.

Dynamo asks one callback what to do with a Python frame.  :class:`FrameTap` stands around Dynamo's own there: it sees
the frame's locals before anything is compiled, the graphs, the guards and the compiled code after, and changes none
of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.observe.layers.repeated_layers import RepeatedLayers
from steadygraph.observe.replay.fake_runs import FakeRuns
from steadygraph.observe.run.frame_watch import FrameObserver, FrameWatch
from steadygraph.observe.run.guard_work import GuardWork
from steadygraph.torch_private.entries import CapturedGraph


class FrameTap(torch_private.FrameCallback):
    """Dynamo's frame callback, watched.

    Args:
        observer: Told about frames, guards, graphs.
        backends: Extra back ends (name -> compile function) to which every graph captured while ``also_compile`` is set
            is given too; "eager" is always there and is what runs.  One that gives None leaves a graph to "eager".
        dynamic: As in ``torch.compile``.
        fullgraph: As in ``torch.compile``.
        recompile_limit: As in ``torch.compile``.
        models: Modules whose repeated layers are to be traced once.
        guards: What is done with the guards of each frame.
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
        guards: GuardWork | None = None,
    ) -> None:
        self._watch = FrameWatch(observer)
        self._backends = dict(backends or {})
        self._layers = RepeatedLayers(models)
        self.also_compile = bool(self._backends)
        #: Which back end's callable a captured graph runs.
        self.active_backend = "eager"
        self._guards = guards or GuardWork()
        hooks = torch_private.hooks(self._watch.guards_made, self._guards.filter)
        super().__init__(self._compile_graph)
        self._convert = torch_private.frame_converter(
            self.back_end,
            hooks,
            fullgraph=fullgraph,
            recompile_limit=recompile_limit,
            failed=self._watch.failed,
        )
        self._context = torch_private.compiling(self, hooks, fullgraph=fullgraph, dynamic=dynamic)

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``torch.compile(function)`` with this tap; calls of the same tap share one cache per code object."""
        return self._context(function)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was not done as it should be, a sentence each."""
        return self._layers.remarks

    def close(self) -> None:
        """Let the observer go; Dynamo keeps its callbacks until ``torch.compiler.reset()``."""
        self._watch.close()

    def __call__(self, frame: Any, cache_entry: Any, hooks: Any, frame_state: Any, skip: int = 0) -> Any:
        if torch_private.is_excluded_alone():
            return torch_private.run_uncompiled("excluded from compilation, without what it calls")
        with self._guards.told(self._watch):
            return self._watch.converted(
                frame, lambda: self._converted(frame, cache_entry, hooks, frame_state, skip + 3)
            )

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
        self._watch.begin_again()
        return self._convert(frame, cache_entry, hooks, frame_state, skip=skip + 1)

    def _compile_graph(self, module: torch.fx.GraphModule, example_inputs: Any) -> Callable[..., Any]:
        self._layers.tidy(module)
        graph = CapturedGraph(module, torch_private.input_sources(module), {})
        if self.also_compile:
            for name, compile_fn in self._backends.items():
                runner = _compiled_or_failing(compile_fn, module, example_inputs)
                if runner is not None:
                    graph.runners[name] = runner
        self._watch.graph_captured(graph)
        # A lazy graph module prints a traceback of its own when its first call fails.
        torch_private.force_recompile(module)
        eager = FakeRuns(module.forward)

        def run(*args: Any) -> Any:
            self._watch.graph_runs(graph, args)
            outputs = graph.runners.get(self.active_backend, eager)(*args)
            self._watch.graph_ran(graph, outputs)
            return outputs

        return run


def _compiled_or_failing(
    compile_fn: Callable[..., Any], module: torch.fx.GraphModule, example_inputs: Any
) -> Callable[..., Any] | None:
    """A second back end must not spoil the observation: what it raises is raised when it is asked to run."""
    try:
        compiled: Callable[..., Any] | None = compile_fn(module, example_inputs)
    except Exception as error:
        failure = error

        def fail(*_args: Any) -> Any:
            raise failure

        return fail
    return compiled
