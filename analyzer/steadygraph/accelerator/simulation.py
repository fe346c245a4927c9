"""The block in which there is a CUDA device."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import torch

from steadygraph.accelerator import gpus, guard_library
from steadygraph.accelerator.dispatch import Dispatch, ValueNeededError
from steadygraph.accelerator.driver import answering
from steadygraph.accelerator.gpus import Gpu
from steadygraph.accelerator.pinned import PinnedMemory
from steadygraph.accelerator.replacement import replaced
from steadygraph.errors import UsageError
from steadygraph.observe import torch_private

_DEVICE = re.compile(r"cuda(?::(\d+))?")


@contextlib.contextmanager
def simulated(device: str = "cuda", gpu: str = gpus.DEFAULT) -> Iterator[Gpu]:
    """Simulate CUDA devices: tensors on them have shape, dtype, strides and device, and no values.

    Tensors on the CPU are ordinary ones.  Afterwards ``torch.cuda`` is as before; what stays is a library, loaded into
    the process, that lets torch have tensors of that kind.

    Args:
        device: ``cuda`` or ``cuda:0`` for one device, ``cuda:1`` for two, ``cuda:4`` for four.
        gpu: Which one; see :mod:`steadygraph.accelerator.gpus`.

    Raises:
        UsageError: An unknown GPU, or no CUDA device.
        TargetError: The library cannot be made.
    """
    found, count, pinned = gpus.named(gpu), device_count(device), PinnedMemory()
    guard_library.load()
    torch_private.load_dynamo_tables()
    with contextlib.ExitStack() as stack:
        stack.enter_context(answering(found, count))
        stack.enter_context(replaced(torch.Tensor, _tensor_methods(pinned)))
        stack.enter_context(replaced(torch.utils, {"swap_tensors": _swapping(torch.utils.swap_tensors)}))
        stack.enter_context(replaced(torch, {"Generator": _Generator, "tensor": _tensor}))
        # What a fake kernel raises is told where it is caught, not on stderr as well.
        stack.enter_context(replaced(logging.getLogger("torch._subclasses.fake_tensor"), {"disabled": True}))
        stack.enter_context(torch_private.fake_tensors(Dispatch(count, pinned)))
        yield found


def device_count(device: str) -> int:
    """How many devices a name asks for.  ``cuda:1`` cannot mean one device: that is what ``cuda`` says."""
    match = _DEVICE.fullmatch(device)
    if match is None:
        raise UsageError(f"device {device!r} cannot be simulated", hint="only cuda, cuda:0, cuda:1, ... can")
    index = int(match[1] or 0)
    return index if index > 1 else index + 1


def _tensor_methods(pinned: PinnedMemory) -> dict[str, object]:
    """Methods that ask for real memory before any operator runs."""
    return {
        "pin_memory": lambda self, device=None: pinned.pin(self),
        "is_pinned": lambda self, device=None: pinned.is_pinned(self),
        "backward": _backward,
    }


_RealTensor: Any = torch.tensor


def _tensor(*args: Any, pin_memory: bool = False, **kwargs: Any) -> torch.Tensor:
    """``torch.tensor`` allocates pinned memory itself, where no mode sees it."""
    made: torch.Tensor = _RealTensor(*args, **kwargs)
    return made.pin_memory() if pin_memory else made


def _backward(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    if torch_private.is_fake(self):
        raise ValueNeededError("backward() cannot run on a simulated device: it has no kernels")
    return _REAL_BACKWARD(self, *args, **kwargs)


_REAL_BACKWARD: Any = torch.Tensor.backward


def _swapping(swap: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """``Module.to`` swaps fake parameters, which torch refuses because of its own weak references (torch 2.13)."""

    def swap_tensors(t1: Any, t2: Any) -> None:
        if not (torch_private.is_fake(t1) and torch_private.is_fake(t2)):
            swap(t1, t2)
            return
        t1.data = t2
        t1.fake_device = t2.fake_device

    return swap_tensors


_RealGenerator: Any = torch.Generator
_GeneratorType: Any = type(torch.Generator)


class _AnyGenerator(_GeneratorType):  # type: ignore[misc]
    def __instancecheck__(cls, instance: object) -> bool:  # noqa: N805 - a metaclass
        return isinstance(instance, _RealGenerator)


class _Generator(_RealGenerator, metaclass=_AnyGenerator):  # type: ignore[misc]
    """Random numbers of a device without values may come from anywhere."""

    def __new__(cls, device: object = "cpu") -> _Generator:
        generator: _Generator = super().__new__(cls, "cpu")
        return generator
