"""Dynamo's frames: how one is compiled, answered, refused; its cache entries and its code."""

from __future__ import annotations

import builtins
import contextlib
import dataclasses
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from steadygraph.torch_private.process import code_unseen, counters_kept

_MEMBERS = {
    "torch._dynamo.convert_frame.ConvertFrame": "_clone_with_backend _inner_convert",
    "torch._dynamo.convert_frame.ConvertFrameAssert": "_box _clone_with_backend",
    "torch._dynamo.exc.Unsupported": "real_stack",
    "torch._dynamo.guards.GuardManagerWrapper": "diff_guard_root root",
    "torch._dynamo.output_graph.GraphCompileReason": "reason user_stack",
    "torch._dynamo.resume_execution.ResumeFunctionMetadata": "code",
    "torch._dynamo.types.ConvertFrameReturn": "frame_exec_strategy guarded_code",
    "torch._dynamo.types.GuardedCode": "code compile_id guard_manager",
    "torch._C._dynamo.eval_frame._CacheEntry": "code compile_id guard_manager",
    "torch._C._dynamo.eval_frame": "set_eval_frame_isolate_recompiles_id",
}


class FrameCallback:
    """What Dynamo calls for each frame, in the place of its own: a subclass has ``__call__``.

    Args:
        compile_fn: The back end; by it eval_frame.c tells the cache entries of different back ends apart.
    """

    _convert: Any = None

    def __init__(self, compile_fn: Callable[..., Any]) -> None:
        from torch._dynamo.eval_frame import get_compiler_fn

        # Dynamo looks for this attribute, as it does for the one that _clone_with_backend answers.
        self._torchdynamo_orig_backend: Any = get_compiler_fn(compile_fn)

    @property
    def back_end(self) -> Any:
        """What compiles graphs, as Dynamo has it."""
        return self._torchdynamo_orig_backend

    @property
    def _clone_with_backend(self) -> Any:  # DistributedDataParallel's optimizer asks for it
        return self._convert._clone_with_backend


@dataclass(frozen=True, slots=True, eq=False)
class GuardedCode:
    """What Dynamo made of a frame; the guards and the id are its own objects, to be handed back to it."""

    code: types.CodeType
    guard_manager: Any
    compile_id: Any


def guarded_code(result: Any) -> GuardedCode | None:
    """What a callback's answer has Dynamo run; None if the frame was not compiled."""
    return None if result.guarded_code is None else _guarded_code(result.guarded_code)


def _guarded_code(made: Any) -> GuardedCode:
    return GuardedCode(made.code, made.guard_manager, made.compile_id)


def skip_reason(result: Any) -> str:
    """Why a frame was not compiled; empty if Dynamo does not say."""
    return result.skip_reason or ""


def is_at_limit(result: Any) -> bool:
    """Does a callback's answer keep to what there is, because the frame was compiled too often?"""
    from torch._C._dynamo.eval_frame import _FrameAction

    return bool(result.frame_exec_strategy.cur_action == _FrameAction.RUN_ONLY)


def hooks(on_guards: Callable[[Any], None] | None = None, guard_filter: Any = None) -> Any:
    """Dynamo's hooks; ``on_guards`` gets the guards of each frame that has a graph, once they are built.

    ``guard_filter`` is what ``torch.compile`` takes as ``guard_filter_fn``.
    """
    from torch._dynamo.hooks import Hooks

    return Hooks(guard_export_fn=on_guards, guard_filter_fn=guard_filter)


def hooks_beside(own: Any, on_guards: Callable[[Any], None]) -> Any:
    """Somebody else's hooks, which tell ``on_guards`` as well."""

    def export(guards: Any) -> None:
        on_guards(guards)
        if own.guard_export_fn is not None:
            own.guard_export_fn(guards)

    return dataclasses.replace(own, guard_export_fn=export)


def frame_converter(
    backend: Any, hooks: Any, *, fullgraph: bool, recompile_limit: int | None, failed: Callable[[Exception], object]
) -> Any:
    """What torch.compile calls for each frame: traces it and returns guarded code.

    ``failed`` is told why a frame could not be traced: without fullgraph, Dynamo keeps that to itself.
    """
    from torch._dynamo import convert_frame

    if fullgraph:
        return convert_frame.convert_frame_assert(backend, recompile_limit=recompile_limit)
    return telling(convert_frame.convert_frame(backend, hooks, recompile_limit=recompile_limit), failed)


def telling(converter: Any, failed: Callable[[Exception], object]) -> Any:
    """The same converter, which now tells why it could not trace a frame."""
    trace = converter._inner_convert

    def tracing(*args: Any, **kwargs: Any) -> Any:
        try:
            return trace(*args, **kwargs)
        except Exception as error:
            failed(error)
            raise

    tracing._box = trace._box  # type: ignore[attr-defined]  # looked at by ConvertFrame
    converter._inner_convert = tracing
    return converter


def backend_of(callback: Any) -> Any:
    """The back end by which eval_frame.c tells cache entries apart."""
    while hasattr(callback, "_torchdynamo_orig_backend"):
        callback = callback._torchdynamo_orig_backend
    return callback


def backend_name(backend: Any) -> str:
    """What the user calls a back end: ``inductor``, or the name of a function."""
    name = getattr(backend, "compiler_name", None) or getattr(backend, "__name__", None)
    return str(name or type(backend).__name__)


def compiling(
    callback: Callable[..., Any], hooks: Any, *, fullgraph: bool = False, dynamic: bool | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``torch.compile`` with ``callback`` in the place of Dynamo's own, and a cache that nobody else looks into."""
    from torch._dynamo.eval_frame import _optimize_catch_errors

    context: Any = _optimize_catch_errors(
        callback,
        hooks,
        fullgraph=fullgraph,
        dynamic=dynamic,
        isolate_recompiles=True,
    )
    return context  # type: ignore[no-any-return]


@contextlib.contextmanager
def recorded_breaks() -> Iterator[list[tuple[str, Sequence[traceback.FrameSummary]]]]:
    """A block; after it the list has (reason, stack) of each graph break in it.

    Dynamo's own list only ever grows: it is cut, to leave the process as it was.
    """
    from torch._dynamo.utils import graph_break_reasons as recorded

    known = len(recorded)
    found: list[tuple[str, Sequence[traceback.FrameSummary]]] = []
    try:
        yield found
    finally:
        found += [(one.reason, one.user_stack) for one in recorded[known:]]
        del recorded[known:]


def run_uncompiled(why: str) -> Any:
    """A callback's answer: run this frame as plain Python, and ask again next time and for the frames it calls."""
    from torch._dynamo.types import ConvertFrameReturn

    # The default would mark the code object itself, for everybody who compiles it later.
    return ConvertFrameReturn(apply_to_code=False, skip_reason=why)


def run_code(code: types.CodeType, compile_id: Any, *, ask_again: bool) -> Any:
    """A callback's answer: run this code for the frame; without guards, or with one that never holds."""
    from torch._dynamo.guards import GuardManagerWrapper
    from torch._dynamo.types import GuardedCode, wrap_guarded_code

    manager: Any = GuardManagerWrapper()
    if ask_again:
        manager.root.add_lambda_guard(lambda _f_locals: False, ["always ask"], None)
    manager.diff_guard_root = manager.root
    return wrap_guarded_code(GuardedCode(code, manager, compile_id))


def is_excluded_alone() -> bool:
    """Is the frame that Dynamo asks about one of a function under ``torch.compiler.disable(recursive=False)``?

    Dynamo looks who called it, and finds whoever stands around its callback instead (torch 2.13).
    """
    from torch._dynamo import convert_frame, decorators

    frame: types.FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename == convert_frame.__file__:
        frame = frame.f_back
    return frame is not None and frame.f_code is decorators._nonrecursive_disable_wrapper_code


def never_traced(functions: Iterable[object]) -> None:
    """Have Dynamo leave the frames of these functions alone: where they stand in for C++, there are none."""
    from torch._dynamo.eval_frame import skip_code

    for function in functions:
        function = getattr(function, "fget", None) or getattr(function, "__func__", function)
        if isinstance(function, types.FunctionType):
            skip_code(function.__code__)


@contextlib.contextmanager
def on_recompilation(tell: Callable[[Sequence[GuardedCode], Any, Sequence[str]], object]) -> Iterator[None]:
    """In the block ``tell`` is called before a frame is compiled again: with its cache entries, itself, and reasons.

    Dynamo asks one function for the reasons, whether anybody wants them logged or not (torch 2.13).
    """
    from torch._dynamo import convert_frame as module

    convert_frame: Any = module
    reasons_of = convert_frame.get_and_maybe_log_recompilation_reasons

    def asked(entries: Sequence[Any], frame: Any, *args: Any, **kwargs: Any) -> Any:
        reasons = reasons_of(entries, frame, *args, **kwargs)
        tell([_guarded_code(entry) for entry in entries], frame, reasons)
        return reasons

    convert_frame.get_and_maybe_log_recompilation_reasons = asked
    try:
        yield
    finally:
        convert_frame.get_and_maybe_log_recompilation_reasons = reasons_of


def force_recompile(module: torch.fx.GraphModule) -> None:
    """Have a lazy graph module generate its code now: its first call, if it fails, prints a traceback otherwise."""
    from torch.fx._lazy_graph_module import _LazyGraphModule

    _LazyGraphModule.force_recompile(module)


def original_function(wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose frame Dynamo sees when ``wrapped`` (made by ``wrap``) is called."""
    function: Callable[..., Any] = getattr(wrapped, "_torchdynamo_orig_callable", wrapped)
    return function


def uncompiled(value: Any) -> Any:
    """What a module or function was before ``torch.compile`` took it; all else is given back as it is."""
    from torch._dynamo.eval_frame import OptimizedModule

    if isinstance(value, OptimizedModule):
        return value._orig_mod
    # torch.compiler.disable() leaves the same attribute, and a flag.
    return value if getattr(value, "_torchdynamo_disable", False) else original_function(value)


def is_compiled(module: torch.nn.Module) -> bool:
    """By what ``torch.compile(module)``, ``module.compile()`` and a compiled ``forward`` leave behind (torch 2.13)."""
    forward = getattr(module, "forward", None)
    if getattr(module, "_compiled_call_impl", None) is not None:
        return True
    # torch.compiler.disable() leaves the same attribute, and a flag.
    return hasattr(forward, "_torchdynamo_orig_callable") and not getattr(forward, "_torchdynamo_disable", False)


def unsupported(error: BaseException) -> tuple[str, Sequence[traceback.FrameSummary]] | None:
    """Reason and stack of a graph break that is raised, as ``fullgraph`` has it; None for any other error."""
    from torch._dynamo.exc import Unsupported

    if not issubclass(type(error), Unsupported):
        return None
    return str(error), stack_of_trace(error)


def forget(code: types.CodeType) -> None:
    """Remove every cache entry of a code object."""
    from torch._C._dynamo.eval_frame import reset_code

    reset_code(code)


def code_before_breaks(code: types.CodeType) -> types.CodeType:
    """The code as it was written, for that of a function that goes on after a graph break; else the code itself."""
    from torch._dynamo.resume_execution import ContinueExecutionCache

    about = ContinueExecutionCache.generated_code_metadata.get(code)
    return code if about is None else code_before_breaks(about.code)


def cache_entries(code: types.CodeType) -> list[GuardedCode]:
    """What Dynamo has compiled of a code object, whoever asked for it."""
    from torch._C._dynamo.eval_frame import _debug_get_cache_entry_list

    return [_guarded_code(entry) for entry in _debug_get_cache_entry_list(code)]


def with_own_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with a code object of its own: Dynamo keeps cache entries by code object.

    Bound methods stay bound.  What is no plain function (a builtin, a callable object) is returned as it is.
    """
    plain = getattr(function, "__func__", function)
    if not isinstance(plain, types.FunctionType):
        return function
    twin = types.FunctionType(
        plain.__code__.replace(), plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__
    )
    twin.__kwdefaults__ = plain.__kwdefaults__
    twin.__dict__.update(plain.__dict__)
    twin.__qualname__, twin.__module__ = plain.__qualname__, plain.__module__
    return types.MethodType(twin, function.__self__) if isinstance(function, types.MethodType) else twin


def stack_of_trace(error: BaseException) -> Sequence[traceback.FrameSummary]:
    """Where in the user's code Dynamo was when it raised; empty for errors of others."""
    return getattr(error, "real_stack", None) or ()


def traced_stack() -> Sequence[traceback.FrameSummary]:
    """Where in the user's code Dynamo is while it traces; empty while it does not."""
    from torch._guards import TracingContext

    return TracingContext.extract_stack() if TracingContext.try_get() is not None else ()


@dataclass(frozen=True, slots=True, eq=False)
class UncalledFrame:
    """What Dynamo reads of a frame, of a function that nobody has called."""

    f_code: types.CodeType
    f_globals: dict[str, Any]
    f_locals: dict[str, Any]
    f_builtins: Any
    closure: Any
    f_lasti: int = -1


def uncalled_frame(function: types.FunctionType, f_locals: Mapping[str, Any]) -> UncalledFrame:
    """The frame of a function with these locals."""
    names = function.__globals__
    return UncalledFrame(function.__code__, names, dict(f_locals), vars(builtins), function.__closure__ or ())


@contextlib.contextmanager
def tracing_alone() -> Iterator[None]:
    """A block in which no other thread compiles, and of which Dynamo remembers and counts nothing."""
    from torch._dynamo.convert_frame import compile_lock
    from torch.utils._python_dispatch import _disable_current_modes

    with compile_lock, _disable_current_modes(), code_unseen(), counters_kept():
        yield


def dynamic_sizes(module: torch.fx.GraphModule) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(placeholder, dimensions) of the tensors of a graph whose sizes are symbols."""
    for node in module.graph.nodes:
        example = node.meta.get("example_value") if node.op == "placeholder" else None
        if isinstance(example, torch.Tensor):
            yield node.name, tuple(dim for dim, size in enumerate(example.shape) if isinstance(size, torch.SymInt))


def as_if_dynamic(tensor: torch.Tensor, dims: Iterable[int]) -> torch.Tensor:
    """Another tensor over the same memory, with sizes that Dynamo takes for symbols; the tensor stays as it is."""
    from torch._dynamo import maybe_mark_dynamic

    alias = tensor.detach().requires_grad_(tensor.requires_grad)
    for dim in dims:
        maybe_mark_dynamic(alias, dim)
    return alias


def skips_guards() -> bool:
    """Is the stance on under which Dynamo picks an entry without asking most of its guards?"""
    from torch._dynamo import eval_frame

    return bool(eval_frame._stance.skip_guard_eval_unsafe)
