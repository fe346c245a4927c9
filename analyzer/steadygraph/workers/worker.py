"""The process of one target: it analyses, sends its report, and ends whatever the target left running."""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import util
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

from steadygraph.case.case import Case, opened
from steadygraph.case.user_code import EXIT_HINT, TRACEBACK_HINT, faults_of_the_target, show_traceback
from steadygraph.config import Settings
from steadygraph.errors import SteadygraphError, TargetError
from steadygraph.model import CaseReport, Problem, Recording, Status

#: The first byte that a worker sends: from now on the time of the target counts.
STARTED = b"S"
#: How many bytes tell the length of the pickled report.
LENGTH_BYTES = 8
INTERNAL_ERROR = "InternalError"
#: So many of a traceback's last entries say enough in a report.
_FRAMES = 3
_RELEASE_S = 0.5

Analyze = Callable[[Case, Settings], CaseReport]
#: What a worker sends: the report, and the recording that it was judged by, if that is to be kept.
Result = tuple[CaseReport, Recording | None]


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is asked to do.

    Args:
        target: The target, as it was written.
        case_file: The case of a class.
        settings: What the engine needs to know.
        timeout_s: After this time the stack is written down, for the parent to find.
        stack_file: Where it is written, and where a fatal signal writes it.
        silent: Throw away what the target prints.
        threads: How many threads torch may use, because other targets run beside this one; None: as many as it likes.
        record: Send the recording, too.
        analyze: The engine; None: ``steadygraph.engine.engine.analyze_case``.
    """

    target: str
    case_file: Path | None
    settings: Settings
    timeout_s: float | None
    stack_file: Path
    silent: bool = False
    threads: int | None = None
    record: bool = False
    analyze: Analyze | None = None


def work(order: Order, sink: Connection) -> NoReturn:
    """Analyse one target in this process, which is the worker's own, and end it."""
    _detach(order.silent)
    _write(sink, STARTED)
    with order.stack_file.open("w") as stack:
        faulthandler.enable(stack, all_threads=False)
        if order.timeout_s is not None:
            faulthandler.dump_traceback_later(order.timeout_s, file=stack)
        payload = pickle.dumps(result_of(order))
        faulthandler.cancel_dump_traceback_later()
        _flush()
        _release_semaphores()
        # Once it has this, the parent ends the whole group.
        _write(sink, len(payload).to_bytes(LENGTH_BYTES, "big") + payload)
        # Not sys.exit: threads of the target must not keep the process, nor its exit handlers hang it.
        os._exit(0)


def result_of(order: Order) -> Result:
    """What is found out about one target; whatever goes wrong becomes its problem."""
    started = time.perf_counter()
    recording = None
    try:
        report, recording = _analyzed(order)
    except SteadygraphError as error:
        report = failed(order.target, Problem(type(error).__name__, error.problem, error.hint))
    except KeyboardInterrupt:
        report = failed(order.target, Problem(TargetError.__name__, "the target raised KeyboardInterrupt", EXIT_HINT))
    except BaseException as error:
        show_traceback(error)
        report = failed(order.target, internal_problem(error))
    duration_s = round(time.perf_counter() - started, 3)
    if recording is not None:
        recording = dataclasses.replace(recording, duration_s=duration_s)
    return dataclasses.replace(report, duration_s=duration_s), recording


def failed(target: str, problem: Problem, *, status: Status = Status.FAILED, duration_s: float = 0.0) -> CaseReport:
    return CaseReport(target=target, status=status, duration_s=duration_s, error=problem)


def internal_problem(error: BaseException) -> Problem:
    """An exception that steadygraph did not mean to raise, with the end of its traceback."""
    frames = "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:]).rstrip()
    name = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Problem(INTERNAL_ERROR, f"steadygraph failed: {name}\n{frames}", f"report this; {TRACEBACK_HINT}")


def _analyzed(order: Order) -> Result:
    if order.threads is not None:
        _limit_threads(order.threads)
    with faults_of_the_target(), opened(order.target, case_file=order.case_file) as case:
        if order.analyze is not None:
            return order.analyze(case, order.settings), None
        from steadygraph.engine.engine import analyzed

        report, recording = analyzed(case, order.settings)
        return report, recording if order.record else None


def _limit_threads(most: int) -> None:
    """Threads that outnumber the processors wait for each other in loops: several times slower."""
    import torch

    torch.set_num_threads(min(most, torch.get_num_threads()))


def _detach(silent: bool) -> None:
    """Out of reach of the terminal, away from standard output, and gone when the parent is gone."""
    # A session of its own: Ctrl-C goes to the parent, and the whole of it can be killed at once.
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _redirect(silent)
    threading.Thread(target=_die_with_parent, name="steadygraph-parent", daemon=True).start()


def _redirect(silent: bool) -> None:
    """Results alone go to standard output, so a target prints to standard error, at every level."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null if silent else 2, 1)
        os.dup2(null if silent else 2, 2)
    except OSError:  # standard error is closed
        os.dup2(null, 1)
        os.dup2(null, 2)
    if null > 2:
        os.close(null)
    sys.stdout = sys.stderr


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # The target may have closed or replaced them.
        with contextlib.suppress(Exception):
            stream.flush()


def _release_semaphores() -> None:
    """What inductor and progress bars create is otherwise reported as leaked, on the terminal, by another process."""
    # In a thread, and not waited for long: a pool that the target left open joins its workers here.
    releasing = threading.Thread(target=util._run_finalizers, args=(0,), daemon=True)  # type: ignore[attr-defined]
    releasing.start()
    releasing.join(_RELEASE_S)


def _write(sink: Connection, data: bytes) -> None:
    while data:
        data = data[os.write(sink.fileno(), data) :]
