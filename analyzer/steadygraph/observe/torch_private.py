"""The only file that names private torch API, each piece behind a probe.

Everything here was read off torch 2.13.  ``require`` looks for what is needed before anything is traced, so that
another release fails with the name of what it lacks instead of in the middle of an analysis.

Thin functions only: what is done with them stands elsewhere.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import functools
import importlib
import operator
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from steadygraph.errors import TorchSupportError

#: What is needed, as "module:attribute.attribute" (torch 2.13).
_NEEDED = (
    "torch._dynamo.convert_frame:convert_frame",
    "torch._dynamo.convert_frame:convert_frame_assert",
    "torch._dynamo.eval_frame:get_compiler_fn",
    "torch._dynamo.eval_frame:_optimize_catch_errors",
    "torch._dynamo.guards:GuardManagerWrapper",
    "torch._dynamo.hooks:Hooks",
    "torch._dynamo.output_graph:graph_break_reasons",
    "torch._dynamo.types:ConvertFrameReturn",
    "torch._dynamo.types:GuardedCode",
    "torch._dynamo.types:wrap_guarded_code",
    "torch._dynamo.pgo:_CODE_STATE",
    "torch._dynamo.resume_execution:ContinueExecutionCache.cache",
    "torch.fx._lazy_graph_module:_LazyGraphModule.force_recompile",
    "torch._C._dynamo.eval_frame:set_eval_frame_isolate_recompiles_id",
    "torch._C._dynamo.guards:RootGuardManager.get_epilogue_lambda_guards",
    "torch._C._dynamo.guards:DictGuardManager.get_key_value_managers",
)


def require(needed: Sequence[str] = _NEEDED) -> None:
    """Raise TorchSupportError that names what the installed torch lacks; return if nothing is."""
    missing = [name for name in needed if not _has(name)]
    if missing:
        raise TorchSupportError(
            f"torch {torch.__version__} has no {', '.join(name.replace(':', '.') for name in missing)}",
            hint="install a torch release that steadygraph was tried with: torch>=2.13,<2.14",
        )


def _has(name: str) -> bool:
    module, _, path = name.partition(":")
    try:
        found: object = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return False
    return True


# --- frames ----------------------------------------------------------------------------------------


def as_backend(compile_fn: Callable[..., Any]) -> Any:
    """A compile function as Dynamo wants it; by it eval_frame.c tells entries of different back ends apart."""
    from torch._dynamo.eval_frame import get_compiler_fn

    return get_compiler_fn(compile_fn)


def hooks(on_guards: Callable[[Any], None] | None = None) -> Any:
    """Dynamo's hooks; ``on_guards`` gets the guards of each frame that has a graph, once they are built."""
    from torch._dynamo.hooks import Hooks

    return Hooks(guard_export_fn=on_guards)


def frame_converter(
    backend: Any, hooks: Any, *, fullgraph: bool, recompile_limit: int | None, failed: Callable[[Exception], object]
) -> Any:
    """What torch.compile calls for each frame: traces it and returns guarded code.

    ``failed`` is told why a frame could not be traced: without fullgraph, Dynamo keeps that to itself.
    """
    from torch._dynamo import convert_frame

    if fullgraph:
        return convert_frame.convert_frame_assert(backend, recompile_limit=recompile_limit)
    converter: Any = convert_frame.convert_frame(backend, hooks, recompile_limit=recompile_limit)
    trace = converter._inner_convert

    def telling(*args: Any, **kwargs: Any) -> Any:
        try:
            return trace(*args, **kwargs)
        except Exception as error:
            failed(error)
            raise

    telling._box = trace._box  # type: ignore[attr-defined]  # looked at by ConvertFrame
    converter._inner_convert = telling
    return converter


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


def recorded_breaks() -> list[Any]:
    """Dynamo's own list of graph breaks (``reason``, ``user_stack``); it only ever grows, unless we cut it."""
    output_graph: Any = importlib.import_module("torch._dynamo.output_graph")
    recorded: list[Any] = output_graph.graph_break_reasons
    return recorded


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


def when_asked(guard_manager: Any, tell: Callable[[Any], object]) -> None:
    """Have ``tell`` called with the frame's locals whenever these guards are looked at."""

    def holds(f_locals: Any) -> bool:
        tell(f_locals)
        return True

    guard_manager.root.add_lambda_guard(holds, ["observed by steadygraph"], None)


def never_traced(functions: Iterable[object]) -> None:
    """Have Dynamo leave the frames of these functions alone: where they stand in for C++, there are none."""
    from torch._dynamo.eval_frame import skip_code

    for function in functions:
        function = getattr(function, "fget", None) or getattr(function, "__func__", function)
        if isinstance(function, types.FunctionType):
            skip_code(function.__code__)


@contextlib.contextmanager
def on_recompilation(tell: Callable[[Sequence[Any], Any, Sequence[str]], object]) -> Iterator[None]:
    """In the block ``tell`` is called before a frame is compiled again: with its cache entries, itself, and reasons.

    Dynamo asks one function for the reasons, whether anybody wants them logged or not (torch 2.13).
    """
    convert_frame: Any = importlib.import_module("torch._dynamo.convert_frame")
    name = "get_and_maybe_log_recompilation_reasons"
    reasons_of = getattr(convert_frame, name)

    def asked(entries: Sequence[Any], frame: Any, *args: Any, **kwargs: Any) -> Any:
        reasons = reasons_of(entries, frame, *args, **kwargs)
        tell(entries, frame, reasons)
        return reasons

    setattr(convert_frame, name, asked)
    try:
        yield
    finally:
        setattr(convert_frame, name, reasons_of)


def force_recompile(module: torch.fx.GraphModule) -> None:
    """Have a lazy graph module generate its code now: its first call, if it fails, prints a traceback otherwise."""
    from torch.fx._lazy_graph_module import _LazyGraphModule

    _LazyGraphModule.force_recompile(module)


def original_function(wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """The function whose frame Dynamo sees when ``wrapped`` (made by ``wrap``) is called."""
    function: Callable[..., Any] = getattr(wrapped, "_torchdynamo_orig_callable", wrapped)
    return function


def is_compiled(value: object) -> bool:
    """Is this module or function already wrapped by torch.compile?"""
    from torch._dynamo.eval_frame import OptimizedModule

    return isinstance(value, OptimizedModule) or hasattr(value, "_torchdynamo_orig_callable")


# --- guards ----------------------------------------------------------------------------------------


def guard_children(node: Any) -> Iterator[Any]:
    """The managers below a guard manager, those of dict keys and values included."""
    from torch._C._dynamo.guards import DictGuardManager

    if isinstance(node, DictGuardManager):
        for key, value in node.get_key_value_managers().values():
            if key is not None:
                yield key
            if value is not None:
                yield value
    yield from node.get_child_managers()


def guard_create_name(guard: Any) -> str:
    name: str = guard.create_fn_name()
    return name


# --- the rest ---------------------------------------------------------------------------------------


def unsupported(error: BaseException) -> tuple[str, Sequence[traceback.FrameSummary]] | None:
    """Reason and stack of a graph break that is raised, as ``fullgraph`` has it; None for any other error."""
    from torch._dynamo.exc import Unsupported

    if not isinstance(error, Unsupported):
        return None
    return str(error), stack_of_trace(error)


def global_module_hooks() -> list[dict[int, Any]]:
    """The dicts that hold hooks on all modules of the process (``register_module_forward_hook``)."""
    from torch.nn.modules import module

    return [held for name, held in vars(module).items() if name.startswith("_global_") and isinstance(held, dict)]


def import_compiler() -> None:
    """Import what the first compilation of a process imports anyway; it takes most of a second."""
    import torch._dynamo
    import torch._functorch.aot_autograd  # noqa: F401


def inductor(
    *, mode: str | None = None, options: Mapping[str, Any] | None = None, dynamic: bool | None = None
) -> Callable[..., Any]:
    """The back end of ``torch.compile(mode=..., options=...)``; random numbers are drawn as eager mode draws them.

    Raises:
        RuntimeError: inductor does not know the mode or an option.
    """
    from torch._inductor import config

    settings = {key: value for key, value in (options or {}).items() if key != "guard_filter_fn"}
    wrapper: Any = torch._TorchCompileInductorWrapper
    backend: Callable[..., Any] = wrapper(mode, settings or None, dynamic)

    def compile_graph(module: torch.fx.GraphModule, example_inputs: Any) -> Callable[..., Any]:
        # A pool of compile workers outlives the call, and a process that ends at once leaves its semaphores behind.
        with config.patch(fallback_random=True, compile_threads=1):
            compiled: Callable[..., Any] = backend(module, example_inputs)
        return compiled

    return compile_graph


def forget(code: types.CodeType) -> None:
    """Remove every cache entry of a code object."""
    from torch._C._dynamo.eval_frame import reset_code

    reset_code(code)


def cache_entry_count(code: types.CodeType) -> int:
    from torch._C._dynamo.eval_frame import _debug_get_cache_entry_list

    return len(_debug_get_cache_entry_list(code))


# --- the process is left as it was ---------------------------------------------------------------------


@contextlib.contextmanager
def own_dynamo_state() -> Iterator[None]:
    """Dynamo's process-wide memory, empty inside of the block and as before after it.

    What Dynamo remembers of sizes that varied is kept by file and line: an earlier run of the same code, the user's or
    ours, would change what the profile call compiles.  Resume functions are cached by code object and carry
    cache entries of their own.
    """
    from torch._dynamo import pgo, resume_execution, utils
    from torch._dynamo.utils import ExactWeakKeyDictionary

    cache = resume_execution.ContinueExecutionCache
    code_state, resume_functions = pgo._CODE_STATE, cache.cache
    counters = copy.deepcopy(dict(utils.counters))
    pgo._CODE_STATE, cache.cache = collections.defaultdict(pgo.CodeState), ExactWeakKeyDictionary()
    try:
        with torch.compiler.set_stance("default"):
            yield
    finally:
        pgo._CODE_STATE, cache.cache = code_state, resume_functions
        utils.counters.clear()
        utils.counters.update(counters)


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


# --- tensors and process-wide state ------------------------------------------------------------------


def without_torch_function() -> contextlib.AbstractContextManager[None]:
    """A block in which neither tensor subclasses nor torch-function modes see what is done to tensors."""
    block: contextlib.AbstractContextManager[None] = torch._C.DisableTorchFunction()
    return block


@contextlib.contextmanager
def without_modes() -> Iterator[None]:
    """A block in which torch works on plain tensors: no function or dispatch modes, no inference or grad mode."""
    from torch.utils._python_dispatch import _disable_current_modes

    with contextlib.ExitStack() as stack:
        if dispatch_modes():
            stack.enter_context(_disable_current_modes())
        stack.enter_context(without_torch_function())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        yield


def is_fake(tensor: torch.Tensor) -> bool:
    """Is this a tensor without data, made under a FakeTensorMode?"""
    from torch._subclasses.fake_tensor import FakeTensor

    return issubclass(type(tensor), FakeTensor)


def storage_id(tensor: torch.Tensor) -> int:
    """The address of the object that stands for a tensor's memory, of a fake tensor too."""
    storage: Any = tensor.untyped_storage()
    identity: int = storage._cdata
    return identity


def function_modes() -> list[str]:
    """Type names of the active torch-function modes, outermost first, without the one of the default device."""
    from torch.utils._device import DeviceContext

    return [type(mode).__name__ for mode in _function_mode_stack() if not isinstance(mode, DeviceContext)]


def dispatch_modes() -> list[str]:
    """Type names of the active torch-dispatch modes, outermost first."""
    from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

    return [type(mode).__name__ for mode in _get_current_dispatch_mode_stack()]


def default_device() -> torch.device | None:
    """The device of ``torch.set_default_device`` or of the innermost ``with torch.device(...)``; None if neither is on.

    ``torch.get_default_device`` cannot tell "cpu" from never set, which Dynamo can.
    """
    from torch.utils._device import DeviceContext

    modes = [mode for mode in _function_mode_stack() if isinstance(mode, DeviceContext)]
    return modes[-1].device if modes else None


def _function_mode_stack() -> list[Any]:
    from torch import overrides

    stack: list[Any] = overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return stack


def global_default_device() -> torch.device | None:
    """What ``torch.set_default_device`` was last called with; None if never."""
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return None if context is None else context.device


#: Configurations of the compiler; the first is always kept, the others if they are loaded.
_CONFIGS = (
    "torch._dynamo.config",
    "torch._functorch.config",
    "torch._inductor.config",
    "torch.fx.experimental._config",
)


def compiler_settings() -> Callable[[], None]:
    """A function that brings back today's compiler configuration and stance."""
    from torch._dynamo import eval_frame

    importlib.import_module(_CONFIGS[0])
    stance = eval_frame._stance
    configs = [(sys.modules[name], _settings(sys.modules[name])) for name in _CONFIGS if name in sys.modules]

    def restore() -> None:
        if eval_frame._stance is not stance:
            eval_frame._set_stance(stance)
        for config, before in configs:
            now = _settings(config)
            for name in before.keys() & now.keys():
                if now[name] != before[name]:
                    setattr(config, name, before[name])

    return restore


def _settings(config: Any) -> dict[str, Any]:
    settings: dict[str, Any] = config.get_config_copy()
    return settings


def watching_ops(watch: Callable[..., Any]) -> contextlib.AbstractContextManager[Any]:
    """A block in which every ATen operator goes through ``watch(op, args, kwargs) -> result``.

    ``watch`` runs the operator itself; what it calls is not watched.  So is a higher-order operator (cond, scan).
    """
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        supports_higher_order_operators = True

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return watch(func, args, kwargs or {})

    return Watch()  # type: ignore[no-untyped-call]


def explicit_waits() -> list[tuple[object, str, str]]:
    """What the host calls to wait for the device, as (owner, name, words): the driver's functions where torch has any.

    A CPU build has none of them, and its classes of streams and events cannot be made.
    """
    functions = (
        (torch._C, "_cuda_synchronize", "torch.cuda.synchronize()"),
        (torch._C, "_accelerator_synchronizeDevice", "torch.accelerator.synchronize()"),
        (torch.cuda.Stream, "synchronize", "Stream.synchronize()"),
        (torch.cuda.Event, "synchronize", "Event.synchronize()"),
    )
    return [(owner, name, words) for owner, name, words in functions if hasattr(owner, name)]


def fake_tensor_type() -> type[torch.Tensor]:
    """The class of tensors without values: its ``tolist`` is one of its own, element by element, that no mode sees."""
    from torch._subclasses.fake_tensor import FakeTensor

    return FakeTensor


def stack_of_trace(error: BaseException) -> Sequence[traceback.FrameSummary]:
    """Where in the user's code Dynamo was when it raised; empty for errors of others."""
    return getattr(error, "real_stack", None) or ()


def traced_stack() -> Sequence[traceback.FrameSummary]:
    """Where in the user's code Dynamo is while it traces; empty while it does not."""
    from torch._guards import TracingContext

    return TracingContext.extract_stack() if TracingContext.try_get() is not None else ()


# --- a device that is not there --------------------------------------------------------------------------


def fake_tensors(around: Callable[..., Any], shape_env: Any = None) -> contextlib.AbstractContextManager[Any]:
    """A block in which operators may be faked: ``around(op, args, kwargs, fake)`` decides, ``fake(args, kwargs)`` does.

    A fake tensor has metadata and no values; it may be on any device.  Dynamo traces under this mode as without it.
    With a ``shape_env``, what only values tell becomes a symbol of it.
    """
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    ask_device = torch.ops.prim.device.default

    class Mode(FakeTensorMode):  # type: ignore[no-untyped-call]
        supports_higher_order_operators = True

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is ask_device and type(args[0]) is FakeTensor:  # every third operator
                return torch.device("meta") if args[0].fake_mode.in_kernel_invocation else args[0].fake_device
            faked = super().__torch_dispatch__
            if isinstance(func, torch._ops.HigherOrderOperator):  # cond, scan: by the rule of the class
                rule: Any = func.python_key_table[FakeTensorMode]
                return rule(self, *args, **(kwargs or {}))
            if func.overloadpacket is torch.ops.aten.to:  # in inference mode: only its parts are known to the class
                with self:
                    return func.decompose(*args, **(kwargs or {}))
            return around(func, args, kwargs or {}, lambda args, kwargs: faked(func, types, args, kwargs))

    return Mode(allow_non_fake_inputs=True, shape_env=shape_env, static_shapes=True)


def replace_cuda_guard_without_devices() -> None:
    """Where CUDA has a device guard that counts no devices, register one that does nothing."""
    torch._C._ensureCUDADeviceGuardSet()


def marked_sizes() -> list[tuple[object, dict[str, object]]]:
    """What to set, on which class, so that ``mark_unbacked`` does something on a fake tensor.

    Dynamo takes the sizes of a fake tensor for those of another trace, and a plain number among them for fixed
    (torch 2.13): ``mark_dynamic`` is minded, ``mark_unbacked`` is not.
    """
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    transfer: Any = ShapeEnv.transfer_symbols_from_foreign_shape_env

    def transferred(
        self: Any, sizes: Any, strides: Any, offset: Any, source: Any, *, symbolic_context: Any = None, **more: Any
    ) -> Any:
        if symbolic_context is None or any(isinstance(size, torch.SymInt) for size in (*sizes, *strides, offset)):
            return transfer(self, sizes, strides, offset, source, symbolic_context=symbolic_context, **more)
        still = [False] * len(sizes)
        return self._create_symbolic_sizes_strides_storage_offset(
            sizes, strides, offset, still, source, symbolic_context=symbolic_context, **more
        )

    return [(ShapeEnv, {"transfer_symbols_from_foreign_shape_env": transferred})]


def is_device_mismatch(error: BaseException) -> bool:
    """Did operands on different devices meet?  Most kernels are asked by the fake mode, some check by themselves."""
    from torch._subclasses.fake_tensor import FakeTensorDeviceMismatchError

    return isinstance(error, FakeTensorDeviceMismatchError) or "same device" in str(error)


def is_value_missing(error: BaseException) -> bool:
    """Is this what torch raises where the values of a fake tensor would be needed?"""
    from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

    if isinstance(error, TypeError | IndexError):  # Python wants a number, and gets a symbol
        return re.search(r"\bSym(Int|Float|Bool)\b", str(error)) is not None
    to_numpy = str(error).startswith(".numpy() is not supported for tensor subclasses")
    return to_numpy or isinstance(error, DataDependentOutputException | DynamicOutputShapeException)


def lacking_operator(error: BaseException) -> str | None:
    """``library::name`` of an operator that cannot say what its result looks like, if torch raised this about one."""
    from torch._subclasses.fake_tensor import UnsupportedOperatorException

    if isinstance(error, UnsupportedOperatorException):
        return operator_name(error.func)
    found = re.search(r"no fake impl registered for <CustomOpDef\((\S+)\)>", str(error))
    return None if found is None else found[1]


def backward_engine(run: Callable[..., Any]) -> tuple[object, dict[str, object]]:
    """What to set, on which module, so that ``run(engine, tensors, ...)`` is called where gradients are computed."""
    engine: Any = torch.autograd._engine_run_backward  # type: ignore[attr-defined]
    return torch.autograd, {"_engine_run_backward": functools.partial(run, engine)}


def is_in_place(op: Any) -> bool:
    """Does an ATen operator write to one of its arguments?"""
    return bool(op._schema.is_mutable)


def asserts_size(target: object) -> bool:
    """Is this an operator by which Dynamo writes down what it knows of sizes that only values tell?"""
    aten = torch.ops.aten
    sizes = (aten.sym_constrain_range.default, aten.sym_constrain_range_for_size.default)
    return target in (aten._assert_scalar.default, *sizes)


def operator_name(op: Any) -> str:
    """``library::name`` of an operator, without its overload."""
    name: str = op.name()
    return name.partition(".")[0]


def argument_names(op: Any) -> list[str]:
    """The names of an ATen operator's arguments, positional ones first."""
    return [argument.name for argument in op._schema.arguments]


def cuda_driver_attributes(
    functions: Mapping[str, Callable[..., Any]],
    properties: Callable[[int], object],
    *,
    ask: Callable[[int], int],
    counted: Callable[[types.FrameType | None], object],
    count: int,
) -> list[tuple[object, dict[str, object]]]:
    """What to set, on which module or class, so that ``torch.cuda`` takes ``functions`` for those of its driver.

    ``ask`` is told the index of each device that is spoken of, ``counted`` who asks how many there are.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    index_of = torch.cuda._utils._get_device_index

    def checked_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
        index = index_of(device, optional, allow_cpu)
        return ask(index) if index >= 0 else index

    def is_compiled() -> bool:
        caller = sys._getframe(1)
        if caller.f_code is torch.cuda.device_count.__code__:
            counted(caller.f_back)
        return True

    driver: dict[str, object] = {f"_cuda_{name}": function for name, function in functions.items()}
    state = {
        "_initialized": True,
        "_cached_device_count": count,
        "_is_compiled": is_compiled,
        "_get_device_index": checked_index,
        "_get_device_properties": properties,
        "_exchange_device": functions["exchangeDevice"],
        "_maybe_exchange_device": functions["maybeExchangeDevice"],
        "default_generators": tuple(torch.Generator() for _ in range(count)),
    }
    return [
        (torch._C, driver),
        (torch.cuda, state),
        (torch.cuda.memory, {"_get_device_index": checked_index}),
        (torch.cuda.graphs, {"_cuda_isCurrentStreamCapturing": functions["isCurrentStreamCapturing"]}),
        # torch must go on believing that copies to the device cannot be made: it would make those of constants.
        (FakeTensorMode, {"avoid_device_init": True}),
    ]


def accelerator_driver_attributes(
    functions: Mapping[str, Callable[..., Any]],
) -> list[tuple[object, dict[str, object]]]:
    """The same for ``torch.accelerator``; what checkpointing keeps of its answers is not kept."""
    from torch.utils.checkpoint import DefaultDeviceType

    driver: dict[str, object] = {f"_accelerator_{name}": function for name, function in functions.items()}
    driver |= {"_get_accelerator": functions["getAccelerator"], "_host_emptyCache": functions["emptyHostCache"]}
    return [(torch._C, driver), (DefaultDeviceType, {"_default_device_type": DefaultDeviceType._default_device_type})]


def cuda_stand_ins(
    stream: type, external_stream: type, event: type, graph: type, runtime: object, nvtx: object
) -> list[tuple[object, dict[str, object]]]:
    """What to set so that ``torch.cuda`` has these streams, events, graphs and libraries.

    Classes that were imported before make instances of the new ones.
    """
    attributes: list[tuple[object, dict[str, object]]] = [(torch, {"Stream": stream, "Event": event})]
    for name, stand_in in (("Stream", stream), ("ExternalStream", external_stream), ("Event", event)):
        for owner in (torch.cuda, torch.cuda.streams):
            attributes.append((owner, {name: stand_in}))
        attributes.append((getattr(torch.cuda, name), {"__new__": staticmethod(_making(stand_in))}))
    for owner in (torch.cuda, torch.cuda.graphs):
        attributes.append((owner, {"CUDAGraph": graph}))
    attributes.append((torch.cuda.CUDAGraph, {"__new__": staticmethod(_making(graph))}))
    attributes.append((torch.cuda.graphs, {"_graph_pool_handle": lambda: (0, 1)}))
    attributes.append((torch.cuda, {"_cudart": runtime}))
    attributes.append((torch.cuda.nvtx, {"_nvtx": nvtx}))
    return attributes


def parsing_moves(named: Callable[[Any], Any]) -> tuple[object, dict[str, object]]:
    """What to set so that ``Module.to`` understands whatever ``named`` makes a device of."""
    parse = torch._C._nn._parse_to

    def parse_to(*args: Any, **kwargs: Any) -> Any:
        if "device" in kwargs:
            kwargs["device"] = named(kwargs["device"])
        return parse(*(named(argument) for argument in args[:1]), *args[1:], **kwargs)

    return torch._C._nn, {"_parse_to": parse_to}


def dynamo_device_attributes(
    exchange: Callable[[int], int], stream: type, event: type
) -> list[tuple[object, dict[str, object]]]:
    """What to set so that Dynamo uses these where it has kept those of the real driver."""
    from torch._dynamo import utils
    from torch._dynamo.variables.ctx_manager import AcceleratorDeviceIndexVariable, CUDADeviceVariable
    from torch._dynamo.variables.user_defined import UserDefinedClassVariable

    driver: dict[str, object] = dict.fromkeys(("_exchange_fn", "_maybe_exchange_fn"), staticmethod(exchange))
    index_of = staticmethod(vars(torch.cuda)["_get_device_index"])
    classes = UserDefinedClassVariable._in_graph_classes() | {stream, event}
    building: dict[str, object] = {
        "build_stream": lambda args, kwargs: stream(*args, **kwargs),
        "build_event": lambda args, kwargs: event(*args, **kwargs),
    }
    return [
        (CUDADeviceVariable, {**driver, "_get_device_index_fn": index_of}),
        (AcceleratorDeviceIndexVariable, driver),
        (utils, building),
        (UserDefinedClassVariable, {"_in_graph_classes": staticmethod(lambda: classes)}),
    ]


def forget_device_answers() -> None:
    """What torch remembers of answers about devices, and Dynamo of streams."""
    from torch._dynamo.graph_bytecode_inputs import reset_user_object_tracking
    from torch.utils import _triton

    for function in (torch.get_device_module, *vars(_triton).values()):
        if hasattr(function, "cache_clear"):
            function.cache_clear()
    reset_user_object_tracking()


def _making(stand_in: type) -> Callable[..., Any]:
    return lambda _cls, *args, **kwargs: stand_in(*args, **kwargs)


def load_dynamo_tables() -> None:
    """Have torch make the tables of functions and devices that it keeps: from the real ``torch.cuda``."""
    import torch.utils.flop_counter  # noqa: F401 - warns if it is imported where there is a device and no triton
    from torch._dynamo import device_interface, trace_rules
    from torch._dynamo.variables.torch import TorchInGraphFunctionVariable
    from torch.utils._device import _device_constructors

    _device_constructors()  # what a default device acts on: with the real functions in it
    trace_rules.get_torch_obj_rule_map()
    TorchInGraphFunctionVariable._get_handlers()
    device_interface.init_device_reg()


# --- layers that are repeated --------------------------------------------------------------------------

#: Dynamo's classes and functions that read and write its trace (torch 2.13).
_PARTS = (
    "torch._dynamo.exc:RestartAnalysis",
    "torch._dynamo.exc:UnspecializeRestartAnalysis",
    "torch._dynamo.guards:GUARD_VALUE_DISPATCH",
    "torch._dynamo.guards:GuardCheckSpec",
    "torch._dynamo.source:is_from_source",
    "torch._dynamo.variables.base:AttributeMutationExisting",
    "torch._dynamo.variables.base:ValueMutationExisting",
    "torch._dynamo.variables.builder:VariableBuilder",
    "torch._dynamo.variables.constant:ConstantVariable",
    "torch._dynamo.variables.dicts:ConstDictVariable",
    "torch._dynamo.variables.lazy:LazyVariableTracker",
    "torch._dynamo.variables.lists:ListVariable",
    "torch._dynamo.variables.lists:TupleVariable",
    "torch._dynamo.variables.misc:CellVariable",
    "torch._dynamo.variables.misc:NewGlobalVariable",
    "torch._dynamo.variables.misc:PythonModuleVariable",
    "torch._dynamo.variables.nn_module:UnspecializedNNModuleVariable",
    "torch._dynamo.variables.tensor:SymNodeVariable",
    "torch._dynamo.variables.tensor:TensorVariable",
    "torch._guards:Guard",
)
#: What tracing a repeated layer once needs beside them; where something is missing each layer is traced.
_NEEDED_FOR_SUBGRAPHS = (
    "torch._dynamo.config:inline_invoke_subgraph",
    "torch._dynamo.symbolic_convert:InliningInstructionTranslator.inline_call",
    "torch._dynamo.variables.higher_order_ops:_call_function_with_auto_output_flattening",
    "torch._dynamo.variables.invoke_subgraph:InvokeSubgraphHigherOrderVariable.create_wrapped_node",
    "torch._dynamo.variables.invoke_subgraph:build_subgraph_input_mapping",
    "torch._dynamo.variables.invoke_subgraph:stamp_out_subgraph",
    "torch._guards:InvokeSubgraphReuseEntry",
)


@functools.cache
def can_share_subgraphs() -> bool:
    """Does the installed torch have what it takes to trace a repeated layer once?"""
    return all(_has(name) for name in (*_PARTS, *_NEEDED_FOR_SUBGRAPHS))


@functools.cache
def dynamo_parts() -> types.SimpleNamespace:
    """The classes and functions of Dynamo that reading and writing its trace takes, by their own names."""
    found = {}
    for module, _, name in (part.partition(":") for part in _PARTS):
        found[name] = getattr(importlib.import_module(module), name)
    return types.SimpleNamespace(**found)


@contextlib.contextmanager
def inlined_calls(answer: Callable[..., Any]) -> Iterator[None]:
    """A block in which Dynamo asks ``answer(tx, function, args, kwargs, inline)`` for each Python call that it inlines.

    ``inline()`` is what Dynamo would do.  Subgraphs are put back into the graph that calls them once a frame is traced:
    back ends, and whoever reads the graph, see the operators as if each layer had been traced.
    """
    from torch._dynamo import config
    from torch._dynamo.symbolic_convert import InliningInstructionTranslator as Translator

    own: Any = vars(Translator)["inline_call"]

    def inline_call(cls: Any, parent: Any, func: Any, args: Any, kwargs: Any, *rest: Any, **more: Any) -> Any:
        def inline() -> Any:
            return own.__func__(cls, parent, func, args, kwargs, *rest, **more)

        return answer(parent, func, args, kwargs, inline)

    Translator.inline_call = classmethod(inline_call)  # type: ignore[method-assign, assignment]
    try:
        with config.patch(inline_invoke_subgraph=True):
            yield
    finally:
        Translator.inline_call = own  # type: ignore[method-assign]


class _ReadCache(dict[Any, Any]):
    """A dict that remembers what was asked for."""

    def __init__(self, items: Mapping[Any, Any]) -> None:
        super().__init__(items)
        self.read: dict[Any, None] = {}

    def get(self, key: Any, default: Any = None) -> Any:
        self.read[key] = None
        return super().get(key, default)


def trace_subgraph(tx: Any, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> types.SimpleNamespace:
    """Have Dynamo trace a call into a subgraph of its own; ``finish`` of the result puts the call into the graph."""
    from torch._dynamo.variables.higher_order_ops import _call_function_with_auto_output_flattening
    from torch._dynamo.variables.invoke_subgraph import InvokeSubgraphHigherOrderVariable

    class Variable(InvokeSubgraphHigherOrderVariable):
        def install_subgraph_in_output_graph(self, tx: Any, *args: Any, **kwargs: Any) -> str:
            # Not in the place of one that has the same operators: under autocast, they give something else.
            install = super(InvokeSubgraphHigherOrderVariable, self).install_subgraph_in_output_graph
            name: str = install(tx, *args, **kwargs)
            return name

    operator: Any = torch.ops.higher_order.invoke_subgraph
    variable = Variable(operator)
    # What Dynamo knows already it takes from here, and counts as not read.
    known = tx.output.variable_tracker_cache = _ReadCache(tx.output.variable_tracker_cache)
    try:
        proxies, _, example, result, module, name, outputs, info = variable.create_wrapped_node(
            tx, function, list(args), dict(kwargs), variable._HOP_NAME
        )
    finally:
        tx.output.variable_tracker_cache = dict(known)
    operands = (proxies[0], name, *proxies[1:])

    def finish() -> Any:
        return _call_function_with_auto_output_flattening(tx, operator, operands, {}, example, result, outputs)

    return types.SimpleNamespace(
        operands=operands,
        example=example,
        result=result,
        module=module,
        name=name,
        outputs=outputs,
        side_effects=info.side_effect_stack is not None,
        sources=list(dict.fromkeys([*info.traced_sources, *known.read])),
        finish=finish,
    )


def reusable_subgraph(tx: Any, traced: types.SimpleNamespace, arguments: Sequence[tuple[str, Any]]) -> Any:
    """What is needed to call a traced subgraph again; ``arguments`` are (kind, variable) of the values it was given."""
    from torch._dynamo.variables.invoke_subgraph import build_subgraph_input_mapping
    from torch._dynamo.variables.tensor import TensorVariable
    from torch._guards import InvokeSubgraphReuseEntry

    return InvokeSubgraphReuseEntry(
        body_name=traced.name,
        body_gmod=traced.module,
        config=None,
        subgraph_input_mapping=build_subgraph_input_mapping(tx, traced.operands, _tagged(arguments)),
        single_tensor_output=isinstance(traced.result, TensorVariable),
        output_metadata=[(t.shape, t.stride(), t.dtype, t.device, t.requires_grad) for t in traced.example],
        arg_sources=[getattr(variable, "source", None) for _, variable in arguments],
        num_user_outputs=len(traced.outputs),
    )


def call_subgraph(tx: Any, entry: Any, arguments: Sequence[tuple[str, Any]], sources: Sequence[Any]) -> Any:
    """Call a traced subgraph once more, with other arguments, and with what hangs on ``sources`` in the place of what
    hung on the arguments at first; a source that is None stands for itself.  Makes no guards."""
    from torch._dynamo.variables.invoke_subgraph import InputFingerprint, stamp_out_subgraph

    with tx.output.tracing_context.guards_context.skip_guard_install():
        return stamp_out_subgraph(tx, InputFingerprint(_tagged(arguments), list(sources)), entry)


def _tagged(arguments: Sequence[tuple[str, Any]]) -> list[Any]:
    from torch._dynamo.variables.invoke_subgraph import InputTag

    return [(InputTag(kind), variable) for kind, variable in arguments]


def tidy_inlined(module: torch.fx.GraphModule) -> None:
    """Make a graph what it would be had there been no subgraphs.

    Dynamo computes a size once in a graph, and removes sizes and items that nobody uses.
    """
    from torch.fx.experimental.symbolic_shapes import is_accessor_node

    computed: dict[object, torch.fx.Node] = {}
    for node in module.graph.nodes:
        if _computes_a_size(node):
            first = computed.setdefault((node.target, node.args, tuple(node.kwargs.items())), node)
            if first is not node:
                node.replace_all_uses_with(first)
    for node in reversed(list(module.graph.nodes)):
        is_item = node.op == "call_function" and node.target is operator.getitem
        if not node.users and (is_item or node.op == "get_attr" or is_accessor_node(node) or _computes_a_size(node)):
            module.graph.erase_node(node)
    module.delete_all_unused_submodules()
    module.recompile()


def _computes_a_size(node: torch.fx.Node) -> bool:
    sizes = (torch.SymInt, torch.SymFloat, torch.SymBool)
    known = [argument.meta.get("example_value") for argument in node.all_input_nodes]
    return node.op == "call_function" and all(isinstance(v, sizes) for v in (node.meta.get("example_value"), *known))


def unbacked_symbols(value: Any) -> set[Any]:
    """The sizes in an example value that only data tells."""
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    if not isinstance(value, torch.Tensor | torch.SymInt | torch.SymBool | torch.SymFloat):
        return set()
    return set(free_unbacked_symbols(value))


def dispatch_settings() -> tuple[Any, ...]:
    """Process-wide settings that decide what an operator gives: grad mode, autocast, default dtype."""
    devices = ("cpu", "cuda")
    autocast = [(torch.is_autocast_enabled(d), torch.get_autocast_dtype(d)) for d in devices]
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.are_deterministic_algorithms_enabled(),
        *autocast,
    )
