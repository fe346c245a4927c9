"""Streams, events and graphs of a device that does nothing: all work is done at once, in order.

Streams and events are those of ``torch.Stream`` and ``torch.Event``, so that Dynamo and the operators that take one
treat them as they treat real ones.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch

#: c10::DeviceType::CUDA
_CUDA = 1


_REAL_STREAM: Any = torch.Stream


class Stream(torch.Stream):
    """A stream of work that nobody does: an identity, and a device."""

    _numbers = itertools.count(1)

    def __new__(cls, device: Any = None, priority: int = 0, **identity: Any) -> Stream:
        if isinstance(device, str | torch.device) and torch.device(device).type != "cuda":
            other: Stream = _REAL_STREAM(device, priority=priority, **identity)
            return other
        index = identity["device_index"] if "device_index" in identity else index_of(device)
        number = identity["stream_id"] if "stream_id" in identity else next(cls._numbers)
        # By its parts, it needs no device to make it.
        stream: Stream = super().__new__(cls, stream_id=number, device_index=index, device_type=_CUDA)
        stream._index, stream._number, stream.priority = index, number, priority
        return stream

    def __init__(self, device: object = None, priority: int = 0, **identity: Any) -> None: ...

    _index: int
    _number: int
    priority: int

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda", self._index)

    @property
    def device_index(self) -> int:  # type: ignore[override]
        return self._index

    @property
    def stream_id(self) -> int:  # type: ignore[override]
        return self._number

    @property
    def cuda_stream(self) -> int:
        return self._number

    @property
    def native_handle(self) -> int:
        return self._number

    @staticmethod
    def priority_range() -> tuple[int, int]:
        return 0, -5

    def wait_event(self, event: object) -> None: ...

    def wait_stream(self, stream: object) -> None: ...

    def record_event(self, event: Event | None = None) -> Event:  # type: ignore[override]
        return event or Event()

    def query(self) -> bool:
        return True

    def synchronize(self) -> None: ...

    def __enter__(self) -> Stream:
        self._before = torch.cuda.current_stream()
        torch.cuda.set_stream(self)  # type: ignore[arg-type]
        return self

    def __exit__(self, *exception: object) -> None:
        torch.cuda.set_stream(self._before)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and (self._index, self._number) == (other._index, other._number)

    def __ne__(self, other: object) -> bool:  # inherited, it compares what torch.Stream does
        return not self == other

    def __hash__(self) -> int:
        return hash((self._index, self._number))

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream={self._number:#x}>"


class ExternalStream(Stream):
    """A stream that somebody else made."""

    def __new__(cls, stream_ptr: int, device: object = None, **identity: Any) -> ExternalStream:
        return super().__new__(cls, device, stream_id=stream_ptr)  # type: ignore[return-value]

    def __init__(self, stream_ptr: int, device: object = None, **identity: Any) -> None: ...


class Event(torch.Event):
    """A point in a stream that is reached at once."""

    def __new__(cls, *settings: object, **named: object) -> Event:
        event: Event = super().__new__(cls, device=torch.device("cuda", 0))
        return event

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False, external: bool = False
    ) -> None: ...

    def record(self, stream: object = None) -> None: ...

    def wait(self, stream: object = None) -> None: ...

    def query(self) -> bool:
        return True

    def elapsed_time(self, end_event: object) -> float:
        return 0.0

    def synchronize(self) -> None: ...

    def __repr__(self) -> str:
        return "<torch.cuda.Event>"


class Graph:
    """A CUDA graph that a model captures by itself: its tensors have no values that a replay could change."""

    def __init__(self, keep_graph: bool = False) -> None:
        self._pool: object = (0, 0)

    def capture_begin(self, pool: object = None, **settings: object) -> None:
        self._pool = pool or self._pool

    def pool(self) -> object:
        return self._pool

    def capture_end(self) -> None: ...

    def instantiate(self) -> None: ...

    def replay(self) -> None: ...

    def reset(self) -> None: ...

    def enable_debug_mode(self) -> None: ...

    def debug_dump(self, debug_path: str) -> None: ...


def index_of(device: object) -> int:
    """The index of a device in any of the forms that ``torch.cuda`` takes."""
    with torch.cuda.device(device):
        return torch.cuda.current_device()
