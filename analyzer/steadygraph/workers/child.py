"""One worker, seen from the parent: start it, read its report, find out how it ended."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pickle
import re
import signal
import time

from steadygraph.case.user_code import is_user_file, readable_path
from steadygraph.errors import TargetError
from steadygraph.model import CaseReport, Problem, Status
from steadygraph.workers.worker import INTERNAL_ERROR, LENGTH_BYTES, STARTED, Order, Result, failed, work

#: A worker that has not begun after this time never will.
_BEGIN_S = 120.0
#: How long a worker may take to write its stack down when its time is over, and to go away once it is killed.
_END_S = 0.5
#: System calls have a limit for this.
_LONGEST_WAIT_S = 3600.0
_CHUNK_BYTES = 1 << 16
_FRAME = re.compile(r'^  File "(?P<path>.*)", line (?P<line>\d+) in (?P<function>.*)$', re.MULTILINE)

_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)
_CRASH_HINT = "native code that was called from there crashed: look at C++ extensions and kernels of the target"
_KILL_HINT = "the system does that when memory runs out: use a smaller configuration of the model, or fewer --jobs"
_SIGNAL_HINT = "look for what sends this signal, in the target or outside of it"
_EXIT_HINT = "a target must not end the process: look for os._exit in what it calls"
_TIMEOUT_HINT = "give it more time with --timeout, or look for what it waits for"
_START_HINT = "free memory or processes, and run it again"


class Child:
    """A worker.

    Raises:
        OSError, EOFError: It could not be started.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.received = bytearray()
        self.open = True
        context = multiprocessing.get_context("forkserver")
        self.reader, sink = context.Pipe(duplex=False)
        # Not a daemon: a target may have worker processes of its own.
        self.process = context.Process(target=work, args=(order, sink), daemon=False)
        with contextlib.closing(sink):
            self.process.start()
        # From here on: the first start waits for the server, which imports torch.
        self.started_at = time.monotonic()
        self.deadline = self.started_at + _BEGIN_S
        os.set_blocking(self.reader.fileno(), False)

    @property
    def sources(self) -> list[int]:
        """File descriptors that become readable when there is something to poll."""
        return [self.reader.fileno(), self.process.sentinel] if self.open else [self.process.sentinel]

    @property
    def patience_s(self) -> float:
        """How long to wait for news, at most."""
        return min(max(0.0, self.deadline - time.monotonic()), _LONGEST_WAIT_S)

    def poll(self) -> Result | None:
        """The result, if the worker is done or its time is over; None if it goes on."""
        # Asked before reading: what a worker sent before it ended is read in any case.
        alive = self.process.is_alive()
        self._read()
        payload = self._payload()
        if payload is not None:
            self.kill()
            return _unpickled(payload, self.order.target)
        if not alive:
            self.kill()
            return self._failed(self._death(), Status.FAILED), None
        if time.monotonic() >= self.deadline:
            self.kill()
            return self._failed(self._timeout(), Status.TIMED_OUT), None
        return None

    def kill(self) -> None:
        """End the worker and all that it started, and stop listening to it."""
        group = self.process.pid
        assert group is not None  # it was started
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # It has no group of its own yet.  If it is gone, and its number perhaps another's, this does nothing.
            self.process.kill()
        self.process.join(_END_S)
        self.reader.close()
        self.open = False

    def _read(self) -> None:
        while self.open:
            try:
                data = os.read(self.reader.fileno(), _CHUNK_BYTES)
            except BlockingIOError:
                return
            if data and not self.received:
                self._begun()
            self.received += data
            self.open = bool(data)

    def _begun(self) -> None:
        self.started_at = time.monotonic()
        limit_s = self.order.timeout_s
        self.deadline = math.inf if limit_s is None else self.started_at + limit_s + _END_S

    def _payload(self) -> bytes | None:
        """The pickled report, once all of it is there."""
        begin = len(STARTED) + LENGTH_BYTES
        length = int.from_bytes(self.received[len(STARTED) : begin], "big")
        if length == 0 or len(self.received) < begin + length:
            return None
        return bytes(self.received[begin : begin + length])

    def _failed(self, problem: Problem, status: Status) -> CaseReport:
        duration_s = round(time.monotonic() - self.started_at, 3)
        return failed(self.order.target, problem, status=status, duration_s=duration_s)

    def _death(self) -> Problem:
        code = self.process.exitcode
        if not self.received:
            return Problem(
                INTERNAL_ERROR, f"the worker process ended with exit code {code} before it began", _START_HINT
            )
        if code is None or code >= 0:
            return Problem(TargetError.__name__, f"the target ended its process with exit code {code}", _EXIT_HINT)
        message = f"the target was ended by signal {_signal_name(-code)}{self._place()}"
        return Problem(TargetError.__name__, message, _signal_hint(-code))

    def _timeout(self) -> Problem:
        if not self.received:
            return Problem(INTERNAL_ERROR, f"the worker process did not begin within {_BEGIN_S:g} s", _START_HINT)
        message = f"the target did not finish within {self.order.timeout_s:g} s{self._place()}"
        return Problem(TargetError.__name__, message, _TIMEOUT_HINT)

    def _place(self) -> str:
        """`` (in forward, model.py:12)``: the innermost line of the user where the worker stood at last, if known."""
        try:
            text = self.order.stack_file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        # Threads are written newest first, so the main one is last; frames innermost first.
        frames = list(_FRAME.finditer(re.split(r"^(?:Current t|T)hread ", text, flags=re.MULTILINE)[-1]))
        for frame in frames:
            if is_user_file(frame["path"]):
                return f" (in {frame['function']}, {readable_path(frame['path'])}:{frame['line']})"
        return ""


def start_problem(error: Exception) -> Problem:
    """Why a worker could not be started."""
    return Problem(INTERNAL_ERROR, f"no worker process could be started: {type(error).__name__}: {error}", _START_HINT)


def _unpickled(payload: bytes, target: str) -> Result:
    report, recording = pickle.loads(payload)
    assert isinstance(report, CaseReport), target
    return report, recording


def _signal_hint(number: int) -> str:
    if number in _CRASHES:
        return _CRASH_HINT
    return _KILL_HINT if number == signal.SIGKILL else _SIGNAL_HINT


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
