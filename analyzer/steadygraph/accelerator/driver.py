"""What ``torch.cuda`` is told about a device that is not there.

The functions of ``torch.cuda`` stay the ones they are, so that names which a model has imported from there answer too;
answered is what they ask the driver.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from steadygraph.accelerator.gpus import Gpu
from steadygraph.accelerator.replacement import replaced
from steadygraph.observe import torch_private


class Stream:
    """A stream of work that nobody does."""

    def __init__(self, device: object = None, priority: int = 0, **_identity: object) -> None:
        self.device = torch.device("cuda", torch.cuda.current_device())
        self.priority = priority
        self.cuda_stream = 0
        self.stream_id = 0

    def wait_event(self, event: object) -> None: ...

    def wait_stream(self, stream: object) -> None: ...

    def record_event(self, event: Event | None = None) -> Event:
        return event or Event()

    def query(self) -> bool:
        return True

    def synchronize(self) -> None: ...

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exception: object) -> None: ...


class Event:
    """A point in a stream that is reached at once."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None: ...

    def record(self, stream: object = None) -> None: ...

    def wait(self, stream: object = None) -> None: ...

    def query(self) -> bool:
        return True

    def elapsed_time(self, end_event: object) -> float:
        return 0.0

    def synchronize(self) -> None: ...


@contextlib.contextmanager
def answering(gpu: Gpu, count: int) -> Iterator[None]:
    """Inside of the block ``torch.cuda`` speaks of ``count`` devices of one kind.

    ``torch.accelerator`` does not: Dynamo would ask it for streams of the real device (torch 2.13).
    """
    devices = _Devices(gpu, count)
    with contextlib.ExitStack() as stack:
        for owner, attributes in torch_private.cuda_driver_attributes(devices.driver(), lambda _index: gpu, count):
            stack.enter_context(replaced(owner, attributes))
        stack.enter_context(replaced(torch.cuda, _streams(Stream()) | devices.questions()))
        stack.enter_context(replaced(torch.cuda.nvtx, dict.fromkeys(("range_push", "range_pop", "mark"), _nothing)))
        version = "hip" if gpu.is_amd else "cuda"
        stack.enter_context(replaced(torch.version, {version: getattr(torch.version, version) or "12.8"}))
        yield


class _Devices:
    def __init__(self, gpu: Gpu, count: int) -> None:
        self.gpu = gpu
        self.count = count
        self.current = 0

    def exchange(self, index: int) -> int:
        before = self.current
        if index >= 0:
            self.current = index
        return before

    def driver(self) -> Mapping[str, Callable[..., Any]]:
        """The functions that torch.cuda calls, by what follows ``_cuda_`` in their names."""
        return {
            "init": _nothing,
            "getDeviceCount": lambda: self.count,
            "getDevice": lambda: self.current,
            "setDevice": self.exchange,
            "exchangeDevice": self.exchange,
            "maybeExchangeDevice": self.exchange,
            "synchronize": _nothing,
            "emptyCache": _nothing,
            "ipc_collect": _nothing,
            "memoryStats": lambda device: {},
            "resetPeakMemoryStats": _nothing,
            "resetAccumulatedMemoryStats": _nothing,
            "getArchFlags": lambda: f"sm_{self.gpu.major}{self.gpu.minor}",
            "isCurrentStreamCapturing": lambda: False,
            "canDeviceAccessPeer": lambda device, peer: True,
        }

    def questions(self) -> dict[str, object]:
        gpu = self.gpu
        return {
            "mem_get_info": lambda device=None: (gpu.total_memory, gpu.total_memory),
            "is_bf16_supported": lambda including_emulation=True: gpu.major >= 8,
            "is_current_stream_capturing": lambda: False,
        }


def _streams(stream: Stream) -> dict[str, object]:
    return {
        "Stream": Stream,
        "Event": Event,
        "current_stream": lambda device=None: stream,
        "default_stream": lambda device=None: stream,
        "set_stream": _nothing,
        "stream": lambda stream: contextlib.nullcontext(stream),
    }


def _nothing(*args: object, **kwargs: object) -> None: ...
