"""Tensors and operators, below what their public methods tell."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import torch

from steadygraph.torch_private.process import dispatch_modes


def is_tensor(value: object) -> TypeGuard[torch.Tensor]:
    """Is this a tensor?  ``isinstance`` asks the object itself, and a mock answers as it was told to."""
    return issubclass(type(value), torch.Tensor)


def is_module(value: object) -> TypeGuard[torch.nn.Module]:
    """The same of a module."""
    return issubclass(type(value), torch.nn.Module)


def without_torch_function() -> contextlib.AbstractContextManager[None]:
    """A block in which neither tensor subclasses nor torch-function modes see what is done to tensors."""
    block: contextlib.AbstractContextManager[None] = torch._C.DisableTorchFunction()
    return block


@contextlib.contextmanager
def without_modes() -> Iterator[None]:
    """A block in which torch works on plain tensors: no function or dispatch modes, no inference or grad mode."""
    from torch.utils._python_dispatch import _disable_current_modes

    with (
        _disable_current_modes() if dispatch_modes() else contextlib.nullcontext(),
        without_torch_function(),
        torch.inference_mode(False),
        torch.no_grad(),
    ):
        yield


def expression(number: torch.SymInt | torch.SymFloat | torch.SymBool) -> str:
    """A number that is not known yet, as torch writes it: ``u0 + 1``, ``s3``."""
    return str(number.node.expr)


def is_fake(tensor: torch.Tensor) -> bool:
    """Is this a tensor without data, made under a FakeTensorMode?"""
    kind = type(tensor)
    # Every tensor of a model is asked several times for each call.
    return kind is not torch.Tensor and kind is not torch.nn.Parameter and issubclass(kind, fake_tensor_type())


def storage_id(tensor: torch.Tensor) -> int:
    """The address of the object that stands for a tensor's memory, of a fake tensor too."""
    storage: Any = tensor.untyped_storage()
    identity: int = storage._cdata
    return identity


def watching_ops(watch: Callable[..., Any]) -> contextlib.AbstractContextManager[Any]:
    """A block in which every ATen operator goes through ``watch(op, args, kwargs) -> result``.

    ``watch`` runs the operator itself; what it calls is not watched.  So is a higher-order operator (cond, scan).
    """
    mode: contextlib.AbstractContextManager[Any] = _watching_mode()(watch)
    return mode


@functools.cache
def _watching_mode() -> Callable[[Callable[..., Any]], Any]:
    """The class of such a block, made once: torch prepares each class of modes for Dynamo at its first operator."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        supports_higher_order_operators = True

        def __init__(self, watch: Callable[..., Any]) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._watch = watch

        @classmethod
        def ignore_compile_internals(cls) -> bool:
            # Dynamo leaves every frame alone under any other mode, and what is compiled with fullgraph then raises.
            return True

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return self._watch(func, args, kwargs or {})

    return Watch


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


def is_in_place(op: Any) -> bool:
    """Does an ATen operator write to one of its arguments?"""
    return bool(op._schema.is_mutable)


def written(op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments that an operator writes to; none are known of a higher-order one."""
    schema = getattr(op, "_schema", None)
    arguments = () if schema is None or not schema.is_mutable else schema.arguments
    marked = {one.name for one in arguments if one.alias_info is not None and one.alias_info.is_write}
    named = {**{one.name: value for one, value in zip(arguments, args, strict=False)}, **kwargs}
    return [value for name, value in named.items() if name in marked]


def has_no_kernel(op: Any) -> bool:
    """Does an ATen operator compute nothing, but look at memory anew: ``view``, ``t_``, ``set_``?

    Those that may copy as well (``reshape``, ``contiguous``, ``to``) are among them.
    """
    return bool(getattr(op, "is_view", False)) or torch.Tag.inplace_view in getattr(op, "tags", ())


def asserts_size(target: object) -> bool:
    """Is this an operator by which Dynamo writes down what it knows of sizes that only values tell?"""
    aten = torch.ops.aten
    sizes = (aten.sym_constrain_range.default, aten.sym_constrain_range_for_size.default)
    return target in (aten._assert_scalar.default, *sizes)


def operator_name(op: Any) -> str:
    """``library::name`` of an operator, without its overload."""
    name: str = op.name()
    return name.partition(".")[0]


def bare_name(op: Any) -> str:
    """``index_put_``; ``cond`` for a higher-order operator, which has no overloads."""
    return str(getattr(op, "overloadpacket", op).__name__)


def dotted_name(op: Any) -> str:
    """``aten.index_put_``."""
    return str(op.overloadpacket)


def argument_names(op: Any) -> list[str]:
    """The names of an ATen operator's arguments, positional ones first."""
    return [argument.name for argument in op._schema.arguments]


def unbacked_symbols(value: Any) -> set[Any]:
    """The sizes in an example value that only data tells."""
    from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols

    if not isinstance(value, torch.Tensor | torch.SymInt | torch.SymBool | torch.SymFloat):
        return set()
    return set(free_unbacked_symbols(value))
