"""What ``torch.cuda`` is told about a device that is not there.

The functions of ``torch.cuda`` stay the ones they are, so that names which a model has imported from there answer too;
answered is what they ask the driver.  What torch itself was built with (cuDNN, NCCL, ``torch.backends.cuda.is_built``)
is told as it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.accelerator import streams
from steadygraph.accelerator.usage import Usage
from steadygraph.model.gpus import Gpu
from steadygraph.torch_private.replacement import replaced

#: What ``torch.version`` says.
_CUDA, _ROCM = "12.8", "6.4"
_NVTX = ("rangePushA", "rangePop", "rangeStartA", "rangeEnd", "deviceRangeStart", "deviceRangeEnd", "markA")


@contextlib.contextmanager
def answering(gpu: Gpu, usage: Usage) -> Iterator[None]:
    """Inside of the block ``torch.cuda`` and ``torch.accelerator`` speak of devices of one kind."""
    driver = _Driver(gpu, usage)
    torch_private.never_traced([*driver.functions().values(), *driver.accelerator().values(), *vars(_Driver).values()])
    for stand_in in (streams.Stream, streams.ExternalStream, streams.Event, streams.Graph):
        torch_private.never_traced(vars(stand_in).values())
    torch_private.never_traced([streams.index_of, *vars(Usage).values()])
    with contextlib.ExitStack() as stack:
        for owner, attributes in torch_private.cuda_driver_attributes(
            driver.functions(), driver.properties, ask=usage.ask, counted=usage.count_asked, count=usage.count
        ):
            stack.enter_context(replaced(owner, attributes))
        for owner, attributes in torch_private.accelerator_driver_attributes(driver.accelerator()):
            stack.enter_context(replaced(owner, attributes))
        for owner, attributes in torch_private.cuda_stand_ins(
            streams.Stream, streams.ExternalStream, streams.Event, streams.Graph, driver.runtime(), _nvtx()
        ):
            stack.enter_context(replaced(owner, attributes))
        for owner, attributes in torch_private.dynamo_device_attributes(driver.exchange, streams.Stream, streams.Event):
            stack.enter_context(replaced(owner, attributes))
        version = {"hip": _ROCM, "cuda": None} if gpu.is_amd else {"cuda": _CUDA, "hip": None}
        stack.enter_context(replaced(torch.version, version))
        yield


class _Driver:
    """The state of the devices: which is current, and which stream on each."""

    def __init__(self, gpu: Gpu, usage: Usage) -> None:
        self.gpu = gpu
        self.usage = usage
        self.current = 0
        self.streams: dict[int, int] = {}
        self.memory_fraction = 1.0
        self.sync_debug_mode = 0

    def exchange(self, index: int) -> int:
        before = self.current
        if index >= 0:
            self.current = self.usage.ask(index)
        return before

    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """The functions that torch.cuda calls, by what follows ``_cuda_`` in their names."""
        return {
            "init": _nothing,
            "getDeviceCount": lambda: self.usage.count,
            "getDevice": lambda: self.current,
            "setDevice": self.exchange,
            "exchangeDevice": self.exchange,
            "maybeExchangeDevice": self.exchange,
            "synchronize": _nothing,
            "emptyCache": _nothing,
            "ipc_collect": _nothing,
            "memoryStats": lambda _device: memory_statistics(),
            "hostMemoryStats": dict,
            "memorySnapshot": lambda *_settings: {"segments": [], "device_traces": []},
            "resetPeakMemoryStats": _nothing,
            "resetAccumulatedMemoryStats": _nothing,
            "resetPeakHostMemoryStats": _nothing,
            "resetAccumulatedHostMemoryStats": _nothing,
            "getMemoryFraction": lambda _device: self.memory_fraction,
            "setMemoryFraction": lambda fraction, _device: setattr(self, "memory_fraction", fraction),
            "getAllocatorBackend": lambda: "native",
            "getArchFlags": lambda: self.gpu.architecture,
            "getCompiledVersion": lambda: 12080,
            "getCurrentBlasHandle": lambda: 0,
            "getCurrentSolverHandle": lambda: 0,
            "isCurrentStreamCapturing": lambda: False,
            "canDeviceAccessPeer": lambda _device, _peer: True,
            "getCurrentStream": self.current_stream,
            "getCurrentRawStream": lambda index: self.streams.get(index, 0),
            "getDefaultStream": lambda index: (0, index, 1),
            "getStreamFromExternal": lambda address, index: (address, index, 1),
            "setStream": self.set_stream,
            "get_sync_debug_mode": lambda: self.sync_debug_mode,
            "set_sync_debug_mode": lambda mode: setattr(self, "sync_debug_mode", mode),
        }

    def accelerator(self) -> Mapping[str, Callable[..., Any]]:
        """The functions that torch.accelerator calls, by what follows ``_accelerator_`` in their names."""
        return {
            "getAccelerator": lambda _check=None: torch.device("cuda"),
            "getDeviceIndex": lambda: self.current,
            "setDeviceIndex": self.exchange,
            "exchangeDevice": self.exchange,
            "maybeExchangeDevice": self.exchange,
            "getStream": lambda index: torch.cuda.current_stream(index),
            "setStream": lambda stream: torch.cuda.set_stream(stream),
            "synchronizeDevice": _nothing,
            "emptyCache": _nothing,
            "emptyHostCache": _nothing,
            "isAllocatorInitialized": lambda: True,
            "getDeviceStats": lambda _index: memory_statistics(),
            "resetAccumulatedStats": _nothing,
            "resetPeakStats": _nothing,
            "getMemoryInfo": lambda _index: (self.gpu.total_memory, self.gpu.total_memory),
        }

    def current_stream(self, index: int) -> tuple[int, int, int]:
        return self.streams.get(index, 0), index, 1

    def set_stream(self, stream_id: int, device_index: int, device_type: int) -> None:
        self.streams[device_index] = stream_id

    def runtime(self) -> object:
        """``torch.cuda.cudart()``, as far as torch itself uses it."""
        return SimpleNamespace(
            cudaError=SimpleNamespace(success=0),
            cudaGetErrorString=str,
            cudaMemGetInfo=lambda _index: (self.gpu.total_memory, self.gpu.total_memory),
            cudaProfilerStart=lambda: 0,
            cudaProfilerStop=lambda: 0,
            cudaHostRegister=lambda *_region: 0,
            cudaHostUnregister=lambda *_region: 0,
        )

    def properties(self, index: int) -> Gpu:
        self.usage.ask(index)
        return self.gpu


def memory_statistics() -> dict[str, Any]:
    """What an allocator that never allocated anything says, in the form of torch's."""
    counted = ("allocation", "segment", "active", "inactive_split")
    sized = ("allocated_bytes", "reserved_bytes", "active_bytes", "inactive_split_bytes", "requested_bytes")
    numbers = dict.fromkeys(("current", "peak", "allocated", "freed"), 0)
    pools = ("all", "small_pool", "large_pool")
    statistics: dict[str, Any] = {name: {pool: dict(numbers) for pool in pools} for name in (*counted, *sized)}
    statistics |= {name: dict(numbers) for name in ("oversize_allocations", "oversize_segments")}
    statistics |= dict.fromkeys(("num_alloc_retries", "num_ooms", "num_sync_all_streams", "num_device_alloc"), 0)
    return statistics | {"num_device_free": 0, "max_split_size": -1}


def _nvtx() -> object:
    """Ranges for a profiler that is not there."""
    return SimpleNamespace(**dict.fromkeys(_NVTX, lambda *_arguments: 0))


def _nothing(*args: object, **kwargs: object) -> None: ...
