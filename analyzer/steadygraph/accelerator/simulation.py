"""The block in which there is a CUDA device."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.accelerator import guard_library, limits, unknown, unknown_rows
from steadygraph.accelerator.comparing.comparisons import unwatched
from steadygraph.accelerator.dispatch import Dispatch
from steadygraph.accelerator.driver import answering
from steadygraph.accelerator.pinned import PinnedMemory
from steadygraph.accelerator.usage import Usage
from steadygraph.errors import UsageError
from steadygraph.model import gpus
from steadygraph.model.gpus import Gpu, device_count
from steadygraph.torch_private.device import symbols
from steadygraph.torch_private.replacement import replaced


@dataclass(slots=True)
class Simulation:
    """What is simulated: so many devices of one kind, and what is asked of them."""

    gpu: Gpu
    usage: Usage
    #: What is not as usual, as a sentence; "" if nothing is.
    remark: str = ""

    def __str__(self) -> str:
        """``NVIDIA L4``, ``4 x NVIDIA L4``."""
        return self.gpu.name if self.usage.count == 1 else f"{self.usage.count} x {self.gpu.name}"


@contextlib.contextmanager
def simulated(device: str = "cuda", gpu: str = gpus.DEFAULT) -> Iterator[Simulation]:
    """Simulate CUDA devices: tensors on them have shape, dtype, strides and device, and no values.

    Tensors on the CPU are ordinary ones.  Afterwards ``torch`` is as before; what stays is a library, loaded into the
    process and used by nobody.

    Args:
        device: ``cuda`` or ``cuda:0`` for one device, ``cuda:1`` for two, ``cuda:4`` for four.
        gpu: Which one; see :mod:`steadygraph.model.gpus`.

    Raises:
        UsageError: An unknown GPU, no CUDA device, or inside of another such block.
        TargetError: torch cannot be told about such a device.
        TorchSupportError: The installed torch lacks what this takes.
    """
    torch_private.require("device")
    simulation = Simulation(gpus.named(gpu), Usage(device_count(device)))
    pinned = PinnedMemory()
    unknowns = unknown.Unknowns()
    dispatch = Dispatch(simulation.usage, pinned, unknowns)
    if is_simulated():
        raise UsageError("a CUDA device is simulated already", hint="leave that block first")
    torch_private.load_dynamo_tables()
    torch_private.forget_device_answers()
    with contextlib.ExitStack() as stack:
        stack.callback(torch_private.forget_device_answers)
        simulation.remark = stack.enter_context(guard_library.registered())
        stack.enter_context(answering(simulation.gpu, simulation.usage))
        stack.enter_context(replaced(torch.Tensor, _tensor_methods(pinned)))
        for owner, attributes in _moves():
            stack.enter_context(replaced(owner, attributes))
        swap = _swapping(torch.utils.swap_tensors, dispatch.swapped)
        stack.enter_context(replaced(torch.utils, {"swap_tensors": swap}))
        stack.enter_context(replaced(torch, {"Generator": _Generator, "tensor": _tensor}))
        for target, attributes in torch_private.marked_sizes():
            stack.enter_context(replaced(target, attributes))
        # What a fake kernel raises is told where it is caught, not on stderr as well.
        stack.enter_context(replaced(logging.getLogger("torch._subclasses.fake_tensor"), {"disabled": True}))
        stack.enter_context(symbols.untraced())
        stack.enter_context(unknown.recorded(unknowns))
        for owner, attributes in _values(unknowns):
            stack.enter_context(replaced(owner, attributes))
        mode = stack.enter_context(torch_private.fake_tensors(unwatched(dispatch), unknowns.shape_env))
        # A mode is of one thread, a device of all.
        stack.enter_context(replaced(threading.Thread, {"run": _within(mode, threading.Thread.run)}))
        stack.enter_context(replaced(_active, {"simulation": simulation}))
        yield simulation


_active = SimpleNamespace(simulation=None)


def is_simulated() -> bool:
    """Is the CUDA device that there is a simulated one?"""
    return _active.simulation is not None


def _within(mode: Any, run: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    def within(thread: threading.Thread) -> None:
        with mode:
            run(thread)

    return within


def _tensor_methods(pinned: PinnedMemory) -> dict[str, object]:
    """Methods that ask for real memory before any operator runs."""
    return {
        "pin_memory": lambda self, device=None: pinned.pin(self),
        "is_pinned": lambda self, device=None: pinned.is_pinned(self),
    }


_RealTensor: Any = torch.tensor


def _tensor(*args: Any, pin_memory: bool = False, **kwargs: Any) -> torch.Tensor:
    """``torch.tensor`` allocates pinned memory itself, where no mode sees it."""
    made: torch.Tensor = _RealTensor(*args, **kwargs)
    return made.pin_memory() if pin_memory else made


def _moves() -> list[tuple[object, dict[str, object]]]:
    """``Module.to(0)`` and ``Module.cuda(0)``: C++ looks for the kind of device that torch was built for."""
    cuda = torch.nn.Module.cuda

    def move(self: torch.nn.Module, device: Any = None) -> torch.nn.Module:
        return cuda(self, _named(device))

    return [(torch.nn.Module, {"cuda": move}), torch_private.parsing_moves(_named)]


def _named(device: Any) -> Any:
    return torch.device("cuda", device) if type(device) is int else device


def _values(unknowns: unknown.Unknowns) -> list[tuple[object, dict[str, object]]]:
    """What goes on without values, and what is refused."""
    return [
        symbols.deciding(unknowns.decide, unknowns.refusal),
        *symbols.as_inputs_of_regions(),
        (torch_private.fake_tensor_type(), unknown_rows.methods(unknowns)),
        torch_private.backward_engine(_backward),
    ]


def _backward(engine: Callable[..., Any], outputs: Any, *args: Any, **kwargs: Any) -> Any:
    if any(isinstance(output, torch.Tensor) and torch_private.is_fake(output) for output in outputs):
        # torch asks for a stream of the device; with a build for CUDA it would end the process.
        raise limits.no_gradients()
    return engine(outputs, *args, **kwargs)


def _swapping(swap: Callable[[Any, Any], None], told: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """``Module.to`` swaps fake parameters, which torch refuses because of its own weak references (torch 2.13)."""

    def swap_tensors(t1: Any, t2: Any) -> None:
        if not (torch_private.is_fake(t1) and torch_private.is_fake(t2)):
            swap(t1, t2)
            return
        told(t1, t2)
        torch_private.become(t1, t2)

    return swap_tensors


_RealGenerator: Any = torch.Generator
_GeneratorType: Any = type(torch.Generator)


class _AnyGenerator(_GeneratorType):  # type: ignore[misc]
    def __instancecheck__(cls, instance: object) -> bool:  # noqa: N805 - a metaclass
        return isinstance(instance, _RealGenerator)


class _Generator(_RealGenerator, metaclass=_AnyGenerator):  # type: ignore[misc]
    """Random numbers of a device without values may come from anywhere."""

    def __new__(cls, device: Any = "cpu") -> _Generator:
        generator: _Generator = super().__new__(cls, "cpu")
        generator._device = torch.device(device)
        return generator

    @property
    def device(self) -> torch.device:
        device: torch.device = self._device
        return device
