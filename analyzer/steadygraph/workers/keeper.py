"""The process that watches over one worker: it starts it, counts its memory, and ends all that comes from it.

It runs none of the target's code.  Each worker has its own, so that what a target does to the process that it comes
from is done to this one, and to no other target.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import NamedTuple, NoReturn

from steadygraph.workers import memory, processes
from steadygraph.workers.board import Board
from steadygraph.workers.order import Order
from steadygraph.workers.relay import Relay

#: How often memory is looked at: in that time a process writes to a few hundred MB at most.
_LOOK_S = 0.05
#: Children of the worker are looked for in one of so many looks: that takes a while where many processes run.
_LOOKS_PER_SEARCH = 10
#: How long a worker may take to write its stack down, and all processes to end.
_STACK_S, _END_S = 0.1, 3.0
#: Makes a worker write its stack down.  Nobody else uses this one.
STACK_SIGNAL = signal.SIGRTMIN + 9


class Descriptors(NamedTuple):
    """What belongs to one worker, as the parent hands it over."""

    #: To read the order from.
    order: int
    #: The worker's end of the pipe for its report.
    report: int
    #: The keeper's end of the line to the parent: :class:`Began`, :class:`Ended`.  At its end all processes end.
    line: int
    #: A file in memory for the stack of the worker.
    stack: int
    #: Where the target prints to.
    errors: int
    #: The sheet of the worker's board.
    board: int


@dataclass(frozen=True, slots=True)
class Began:
    keeper: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended.

    Args:
        code: Its exit code, a signal as its negative number; None: it goes on, which nothing should.
        board: What it said last that it was about.
        used_bytes: What its processes had when they were ended for having too much; None: they were not.
        peak_bytes: The most that any one of them had in memory at a time.
    """

    code: int | None
    board: str
    used_bytes: int | None
    peak_bytes: int = 0

    @property
    def was_killed(self) -> bool:
        """By somebody that nothing is known of."""
        return self.code == -signal.SIGKILL and self.used_bytes is None


Work = Callable[[Order, Descriptors, Board, Mapping[str, str]], NoReturn]


def keep(descriptors: Descriptors, environment: Mapping[str, str], work: Work) -> NoReturn:
    """Be the keeper of one worker.

    Args:
        descriptors: Those of the worker.
        environment: That which the server began with.
        work: What the worker does.
    """
    # Out of reach of whoever sends a signal to the group of the server.
    os.setsid()
    processes.adopt_orphans()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    order = Order.from_bytes(_content(descriptors.order))
    board, keeper = Board(descriptors.board), os.getpid()
    os.close(descriptors.board)
    relay = Relay(descriptors.errors, board.secrets)
    worker = os.fork()
    if worker == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (wake, waker, descriptors.order, descriptors.line, descriptors.errors):
            os.close(descriptor)
        processes.end_with_parent(keeper)
        work(order, descriptors._replace(errors=relay.enter()), board, environment)
    for descriptor in (descriptors.order, descriptors.report, descriptors.stack):
        os.close(descriptor)
    os.environ.update(order.surroundings.environment)  # what is secret in it is not printed
    relay.start()
    line = socket.socket(fileno=descriptors.line)
    _tell(line, Began(keeper))
    code, used_bytes = _watched(worker, order.memory_limit_bytes, line, wake)
    statuses = processes.end_descendants(_END_S)
    if code is None and worker in statuses:
        code = os.waitstatus_to_exitcode(statuses[worker])
    relay.finish(_END_S)
    _tell(line, Ended(code, board.read(), used_bytes, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024))
    os._exit(0)


def told(line: str) -> Began | Ended:
    """What a line says."""
    values = json.loads(line)
    return Began(**values) if "keeper" in values else Ended(**values)


def _watched(worker: int, limit_bytes: int | None, line: socket.socket, wake: int) -> tuple[int | None, int | None]:
    """Wait until the worker ends, has too much, or is wanted no longer; its exit code, and how much was too much."""
    watch = None if limit_bytes is None else _MemoryWatch(worker, limit_bytes)
    while True:
        ready = wait([line, wake], timeout=None if watch is None else _LOOK_S)
        if wake in ready:
            os.read(wake, 1 << 10)
            statuses = processes.reaped()
            if worker in statuses:
                return os.waitstatus_to_exitcode(statuses[worker]), None
        if line in ready:  # the parent is gone, or has what it wants
            return None, None
        used_bytes = None if watch is None else watch.too_much()
        if used_bytes is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, STACK_SIGNAL)
            time.sleep(_STACK_S)
            return None, used_bytes


class _MemoryWatch:
    """The memory of a worker and of all that comes from it."""

    def __init__(self, worker: int, limit_bytes: int) -> None:
        self._worker = worker
        self._limit_bytes = limit_bytes
        self._pids = [worker]
        self._looks = 0

    def too_much(self) -> int | None:
        """How much it is, if that is beyond the limit."""
        if self._looks % _LOOKS_PER_SEARCH == 0:
            self._pids = [self._worker, *processes.descendants(self._worker)]
        self._looks += 1
        # What processes share with each other is counted several times: if this is little, so is the rest.
        if sum(map(memory.resident_bytes, self._pids)) <= self._limit_bytes:
            return None
        used_bytes = memory.used_bytes(self._pids)
        return used_bytes if used_bytes > self._limit_bytes else None


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _tell(line: socket.socket, said: Began | Ended) -> None:
    values = {name: getattr(said, name) for name in said.__slots__}
    with contextlib.suppress(OSError):  # the parent is gone
        line.sendall(json.dumps(values).encode("ascii") + b"\n")
