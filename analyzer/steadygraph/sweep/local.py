"""A sweep on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence

from steadygraph.config import Options
from steadygraph.sweep.plan import Room
from steadygraph.workers import memory, pool
from steadygraph.workers.order import Order
from steadygraph.workers.pool import Finished, OnStart, Request


def room(requests: Sequence[Request], peaks: Sequence[int | None], options: Options) -> Room:
    """The memory that is available here now, for these targets."""
    return Room(requests, peaks, memory.share_bytes(1), limit_bytes=options.memory_limit_bytes, jobs=options.jobs)


def carried_out(
    orders: Sequence[Order], room: Room, *, jobs: int, on_start: OnStart, made_on: Mapping[str, str]
) -> Generator[tuple[Finished, Mapping[str, str]]]:
    """Each order in a process of its own; gives what became of it as soon as it is finished."""
    with contextlib.closing(pool.stream(orders, jobs=jobs, on_start=on_start, fits=room.fits)) as results:
        for finished in results:
            yield finished, made_on
