"""What torch asks the driver of a device, and what it raises without values."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
import threading
import types
from collections.abc import Callable, Mapping
from typing import Any

import torch

from steadygraph.errors import raised
from steadygraph.torch_private.frames import never_traced
from steadygraph.torch_private.tensors import operator_name

_MEMBERS = {
    "torch._ops.HigherOrderOperator": "python_key_table",
    "torch._subclasses.fake_tensor.FakeTensor": "fake_device fake_mode",
    "torch._subclasses.fake_tensor.FakeTensorMode": (
        "_cached_dispatch_impl _dispatch_impl avoid_device_init in_kernel_invocation"
    ),
    "torch._subclasses.fake_tensor.UnsupportedOperatorException": "func",
    "torch.fx.experimental.symbolic_shapes.ShapeEnv": "_create_symbolic_sizes_strides_storage_offset",
}


def fake_tensors(around: Callable[..., Any], shape_env: Any = None) -> contextlib.AbstractContextManager[Any]:
    """A block in which operators may be faked: ``around(op, args, kwargs, fake)`` decides, ``fake(args, kwargs)`` does.

    A fake tensor has metadata and no values; it may be on any device.  Dynamo traces under this mode as without it.
    With a ``shape_env``, what only values tell becomes a symbol of it.
    """
    from torch._higher_order_ops.utils import registered_hop_fake_fns
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    ask_device = torch.ops.prim.device.default
    known: Any = registered_hop_fake_fns
    # What is known of operators that are being faked is of no thread in particular, but these two.
    one_thread, here = threading.RLock(), _OfThread()

    class Mode(FakeTensorMode):  # type: ignore[no-untyped-call]
        supports_higher_order_operators = True
        in_kernel_invocation = property(lambda _: here.in_kernel, lambda _, inside: setattr(here, "in_kernel", inside))

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            with one_thread:
                return self._dispatched(func, types, args, kwargs)

        def _dispatched(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
            if func is ask_device and type(args[0]) is FakeTensor:  # every third operator
                return torch.device("meta") if args[0].fake_mode.in_kernel_invocation else args[0].fake_device
            faked = super().__torch_dispatch__
            if isinstance(func, torch._ops.HigherOrderOperator):
                if func in known:  # flex_attention: its rule asks the mode
                    return faked(func, types, args, kwargs or {})  # type: ignore[arg-type]
                rule: Any = func.python_key_table[FakeTensorMode]  # cond, scan: by the rule of the class
                return rule(self, *args, **(kwargs or {}))
            if func.overloadpacket is torch.ops.aten.to:  # in inference mode: only its parts are known to the class
                with self:
                    return func.decompose(*args, **(kwargs or {}))
            return around(func, args, kwargs or {}, lambda args, kwargs: faked(func, types, args, kwargs))

        def _cached_dispatch_impl(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
            # What is remembered of an operator is its result: one that gives an argument other sizes, and is not known
            # for it (torch 2.14: shallow_copy_data_), would do so the first time only.
            writes = isinstance(func, torch._ops.OpOverload) and func._schema.is_mutable
            look = self._dispatch_impl if writes else super()._cached_dispatch_impl
            return look(func, types, args, kwargs)

    mode = Mode(allow_non_fake_inputs=True, shape_env=shape_env, static_shapes=True)
    mode.enter_stack = here  # type: ignore[assignment]
    return mode


class _OfThread(threading.local):
    """What a mode keeps for each thread: what it found when it was entered, and whether an operator is being faked."""

    def __init__(self) -> None:
        self.in_kernel = False
        self._found: list[Any] = []

    def append(self, found: Any) -> None:
        self._found.append(found)

    def pop(self) -> Any:
        return self._found.pop()


def become(tensor: Any, made: Any) -> None:
    """Make a tensor without values what another one is: ``data`` alone leaves it where it was."""
    tensor.data = made
    tensor.fake_device = made.fake_device


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

    return issubclass(type(error), FakeTensorDeviceMismatchError) or "same device" in raised.text(error)


def is_value_missing(error: BaseException) -> bool:
    """Is this what torch raises where the values of a fake tensor would be needed?"""
    from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

    if issubclass(type(error), TypeError | IndexError):  # Python wants a number, and gets a symbol
        return re.search(r"\bSym(Int|Float|Bool)\b", raised.text(error)) is not None
    to_numpy = raised.text(error).startswith(".numpy() is not supported for tensor subclasses")
    return to_numpy or issubclass(type(error), DataDependentOutputException | DynamicOutputShapeException)


def lacking_operator(error: BaseException) -> str | None:
    """``library::name`` of an operator that cannot say what its result looks like, if torch raised this about one."""
    from torch._subclasses.fake_tensor import UnsupportedOperatorException

    if type(error) is UnsupportedOperatorException:
        return operator_name(error.func)
    found = re.search(r"no fake impl registered for <CustomOpDef\((\S+)\)>", raised.text(error))
    return None if found is None else found[1]


def backward_engine(run: Callable[..., Any]) -> tuple[object, dict[str, object]]:
    """What to set, on which module, so that ``run(engine, tensors, ...)`` is called where gradients are computed."""
    engine: Any = torch.autograd._engine_run_backward  # type: ignore[attr-defined]
    return torch.autograd, {"_engine_run_backward": functools.partial(run, engine)}


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
    from torch._dynamo import guards, utils
    from torch._dynamo.variables.ctx_manager import AcceleratorDeviceIndexVariable, CUDADeviceVariable
    from torch._dynamo.variables.user_defined import UserDefinedClassVariable

    driver: dict[str, object] = dict.fromkeys(("_exchange_fn", "_maybe_exchange_fn"), staticmethod(exchange))
    index_of = staticmethod(vars(torch.cuda)["_get_device_index"])
    classes = UserDefinedClassVariable._in_graph_classes() | {stream, event}
    never_traced([_current_stream])
    current: dict[str, object] = {"get_current_stream": _current_stream}
    building: dict[str, object] = {
        **current,
        "build_stream": lambda args, kwargs: stream(*args, **kwargs),
        "build_event": lambda args, kwargs: event(*args, **kwargs),
    }
    return [
        (CUDADeviceVariable, {**driver, "_get_device_index_fn": index_of}),
        (AcceleratorDeviceIndexVariable, driver),
        (utils, building),
        (guards, {**current, "_CLOSURE_VARS": None}),  # a table that keeps what was there when it was made
        (UserDefinedClassVariable, {"_in_graph_classes": staticmethod(lambda: classes)}),
    ]


def _current_stream(device: torch.device) -> torch.Stream:
    """As Dynamo asks for it before torch 2.15; since then it does so in C++, past the driver that there is."""
    return torch.accelerator.current_stream(device)


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
