"""What Dynamo would have compiled for a call that nobody compiles: traced alone, never run."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.observe.run.frame_watch import FrameWatch
from steadygraph.observe.run.tap import captured
from steadygraph.torch_private.entries import BreakEvent, CapturedGraph, CompiledFrame, SkippedFrame
from steadygraph.torch_private.expressions import evaluate


class _Taken:
    """Takes what is compiled, and heeds nothing else."""

    entry: CompiledFrame | None = None

    def frame_compiled(self, entry: CompiledFrame, breaks: Sequence[BreakEvent]) -> None:
        self.entry = entry

    def frame_entered(self, code: types.CodeType, f_locals: Mapping[str, Any], f_globals: Mapping[str, Any]) -> None:
        """There is one frame."""

    def frame_skipped(self, skipped: SkippedFrame, breaks: Sequence[BreakEvent]) -> None:
        """Nothing is taken."""

    def frame_failed(self, code: types.CodeType, breaks: Sequence[BreakEvent]) -> None:
        """It is raised."""

    def graph_runs(self, graph: CapturedGraph, inputs: Sequence[Any]) -> None:
        """None does."""

    def graph_ran(self, graph: CapturedGraph, outputs: Any) -> None:
        """None does."""


def traced(function: Callable[..., Any], f_locals: Mapping[str, Any], like: CompiledFrame) -> CompiledFrame | None:
    """The entry that Dynamo would make for a frame; None: it would make none.

    Args:
        function: Whose frame it is.
        f_locals: Its locals.
        like: An entry whose sizes are symbols where those of this one are to be.

    Raises:
        Exception: Dynamo cannot trace it as one graph.
    """
    return alone(function, _resized(f_locals, like))


def alone(
    function: Callable[..., Any], f_locals: Mapping[str, Any], *, sizes_apart: bool = False
) -> CompiledFrame | None:
    """The entry that Dynamo would make for a frame with these very locals; None: it would make none.

    Args:
        function: Whose frame it is.
        f_locals: Its locals; which of their sizes are symbols is marked on them.
        sizes_apart: The entry answers whatever the conditions on symbolic sizes say; ``guard_tree`` has them.

    Raises:
        Exception: Dynamo cannot trace it as one graph.
    """
    twin = torch_private.with_own_code(getattr(function, "__func__", function))
    assert isinstance(twin, types.FunctionType)
    taken = _Taken()
    watch = FrameWatch(taken)

    def capture(module: torch.fx.GraphModule, _inputs: Any) -> Callable[..., Any]:
        watch.graph_captured(captured(module))
        return module.forward

    hooks = (torch_private.sizes_apart if sizes_apart else torch_private.hooks)(watch.guards_made)
    convert = torch_private.frame_converter(capture, hooks, fullgraph=True, recompile_limit=None, failed=watch.failed)
    frame = torch_private.uncalled_frame(twin, f_locals)
    all_guards = torch_private.unfiltered_guards(watch.all_guards_built) if sizes_apart else contextlib.nullcontext()
    with torch_private.tracing_alone(), all_guards:
        watch.converted(frame, lambda: convert(frame, None, hooks, {}))
    return taken.entry


def _resized(f_locals: Mapping[str, Any], like: CompiledFrame) -> Mapping[str, Any]:
    """The same locals; sizes are symbols where the entry has them, and where they are equal to one of those."""
    scope, marks = like.scope(f_locals), dict[int, set[int]]()
    for graph in like.graphs:
        for name, dims in torch_private.dynamic_sizes(graph.module):
            tensor = evaluate(graph.sources.get(name, name), scope)
            if isinstance(tensor, torch.Tensor):
                marks.setdefault(id(tensor), set()).update(dim for dim in dims if dim < tensor.dim())
    known: dict[int, torch.Tensor] = {}
    sizes = _sizes(f_locals.values(), marks)

    def replaced(value: Any) -> Any:
        if type(value) is torch.Tensor:
            dims = marks.get(id(value), set()) | {dim for dim, size in enumerate(value.shape) if size in sizes}
            if dims:
                return known.setdefault(id(value), torch_private.as_if_dynamic(value, dims))
        if type(value) in (list, tuple):
            return type(value)(map(replaced, value))
        return {key: replaced(each) for key, each in value.items()} if type(value) is dict else value

    return {name: replaced(value) for name, value in f_locals.items()}


def _sizes(values: Iterable[Any], marks: Mapping[int, set[int]]) -> set[int]:
    """The sizes that are symbols; 0 and 1 are constants."""
    found = set[int]()
    for value in values:
        if type(value) is torch.Tensor:
            found.update(size for dim, size in enumerate(value.shape) if dim in marks.get(id(value), ()) and size > 1)
    return found
