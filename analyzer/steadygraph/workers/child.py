"""One worker, seen from the parent: start it, read its report, find out how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import socket
import time
from collections.abc import Iterator
from multiprocessing.connection import wait

from steadygraph.model import Problem, Status
from steadygraph.workers import board, endings, processes, server, wire
from steadygraph.workers.keeper import Began, Descriptors, Ended, told
from steadygraph.workers.order import Order
from steadygraph.workers.wire import ForeignBytesError, Incoming, Result, UnreadableReportError
from steadygraph.workers.worker import failed

#: A worker that has not begun after this time never will.
_BEGIN_S = 120.0
#: How long a worker may take to write its stack down when its time is over.
_STACK_S = 0.5
#: How long its keeper may take to end all that comes from it.
_END_S = 4.0
#: System calls have a limit for this.
_LONGEST_WAIT_S = 3600.0
#: How often the server is looked at while a worker has not begun.
_LOOK_S = 0.5
_CHUNK_BYTES = 1 << 16
#: Read at once, before others get their turn.
_CHUNKS = 64
_MOST_STACK_BYTES = 1 << 20


class NeverBegan(Exception):  # noqa: N818
    """The server came to harm before the worker was there: nothing of the target has run."""


class Killed(Exception):  # noqa: N818
    """Somebody killed the worker or its keeper, and perhaps its target has nothing to do with it.

    Args:
        problem: What to say if it has.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Child:
    """A worker.

    Raises:
        OSError: It could not be started.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        #: Did other targets run at the same time?
        self.had_company = False
        self._server = server.current(order.preload)
        self._incoming = Incoming()
        self._began: Began | None = None
        self._ended: Ended | None = None
        self._said = bytearray()
        self._open = True
        self._deadline = time.monotonic() + _BEGIN_S
        self._started_at = time.monotonic()
        self._stack, self._board = os.memfd_create("steadygraph-stack"), board.sheet()
        self._reader, sink = os.pipe()
        self._line, theirs = socket.socketpair()
        os.set_blocking(self._reader, False)
        self._line.setblocking(False)
        try:
            with theirs, _content(order.to_bytes()) as content, _errors() as errors:
                self._server.fork(Descriptors(content, sink, theirs.fileno(), self._stack, errors, self._board))
        except OSError:
            self.end()
            raise
        finally:
            os.close(sink)

    @property
    def peak_bytes(self) -> int | None:
        """The most that one of its processes had in memory, once they have ended; None: nobody saw them end."""
        return None if self._ended is None else self._ended.peak_bytes or None

    @property
    def sources(self) -> list[int]:
        """File descriptors that become readable when there is something to poll."""
        return [self._reader, self._line.fileno()] if self._open else [self._line.fileno()]

    @property
    def activity(self) -> str:
        """What the worker is about."""
        return board.activity(self._board) if self._line.fileno() >= 0 else ""

    @property
    def patience_s(self) -> float:
        """How long to wait for news, at most."""
        most = _LONGEST_WAIT_S if self._began else _LOOK_S
        return min(max(0.0, self._deadline - time.monotonic()), most)

    def poll(self) -> Result | None:
        """The result, if the worker is done or its time is over; None if it goes on.

        Raises:
            NeverBegan: It never will.
            Killed: It was, and perhaps its target is not to blame.
        """
        # Asked before reading: what a worker sent before it ended is read in any case.
        is_over = self._listen()
        try:
            complete = self._read()
            payload = self._incoming.payload
        except ForeignBytesError:
            return self._failed(endings.of_a_foreign_report())
        if payload is not None:
            return self._reported(payload)
        if is_over and complete:
            return self._without_report()
        if self._began is None and not self._server.serves:
            raise NeverBegan
        if time.monotonic() >= self._deadline:
            return self._late()
        return None

    def end(self) -> None:
        """End the worker and all that comes from it, and stop listening to it; a second time does nothing."""
        if self._line.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)
        limit = time.monotonic() + (_END_S if self._began else 0.0)
        while not self._listen() and (left := limit - time.monotonic()) > 0:
            wait([self._line], timeout=left)
        if not self._listen() and self._began is not None:  # the target has stopped its keeper
            for pid in [*processes.descendants(self._began.keeper), self._began.keeper]:
                processes.end(pid)
        self._line.close()
        for descriptor in (self._reader, self._stack, self._board):
            os.close(descriptor)

    def _listen(self) -> bool:
        """Take in what the keeper says; True if it says no more."""
        try:
            while data := self._line.recv(_CHUNK_BYTES):
                self._said += data
                while b"\n" in self._said:
                    line, _, self._said = self._said.partition(b"\n")
                    self._hear(told(line.decode("ascii")))
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def _hear(self, said: Began | Ended) -> None:
        if isinstance(said, Ended):
            self._ended = said
            return
        self._began = said
        self._started_at = time.monotonic()
        limit_s = self.order.timeout_s
        self._deadline = math.inf if limit_s is None else self._started_at + limit_s + _STACK_S

    def _read(self) -> bool:
        """Read some of the report; True if for now there is no more."""
        for _ in range(_CHUNKS if self._open else 0):
            try:
                data = os.read(self._reader, _CHUNK_BYTES)
            except BlockingIOError:
                return True
            self._incoming.take(data)
            self._open = bool(data)
            if not data:
                return True
        return not self._open

    def _reported(self, payload: bytes) -> Result:
        self.end()
        try:
            report, recording = wire.from_bytes(payload)
        except UnreadableReportError as error:
            return failed(self.order.target, endings.of_an_unreadable_report(str(error))), None
        # Whose report it is was never the worker's to say.
        return dataclasses.replace(report, target=self.order.target), recording

    def _without_report(self) -> Result:
        if self._began is None:
            self.end()
            raise NeverBegan
        if self._ended is None:
            self.end()
            raise Killed(endings.of_the_keeper())
        problem = endings.of_the_worker(self._ended, self.order.memory_limit_bytes, self._stack_text())
        if self._ended.was_killed:
            self.end()
            raise Killed(problem)
        return self._failed(problem)

    def _late(self) -> Result:
        if self._began is None:
            return self._failed(endings.of_the_start(f"it did not begin within {_BEGIN_S:g} s"))
        limit_s = self.order.timeout_s
        assert limit_s is not None  # there is a deadline
        return self._failed(endings.of_the_time(limit_s, self._stack_text()), Status.TIMED_OUT)

    def _failed(self, problem: Problem, status: Status = Status.FAILED) -> Result:
        duration_s = round(time.monotonic() - self._started_at, 3)
        self.end()
        return failed(self.order.target, problem, status=status, duration_s=duration_s), None

    def _stack_text(self) -> str:
        return os.pread(self._stack, _MOST_STACK_BYTES, 0).decode("utf-8", "replace")


@contextlib.contextmanager
def _content(content: bytes) -> Iterator[int]:
    """A file in memory with this content."""
    descriptor = os.memfd_create("steadygraph-order")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _errors() -> Iterator[int]:
    """Standard error, or a place where nothing stays if that is closed."""
    try:
        descriptor = os.dup(2)
    except OSError:
        descriptor = os.open(os.devnull, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
