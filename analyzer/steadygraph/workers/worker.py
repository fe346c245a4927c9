"""The process of one target: it analyses, sends its report, and ends."""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from multiprocessing import util
from pathlib import Path
from typing import NoReturn

from steadygraph.case import phase
from steadygraph.case.case import opened
from steadygraph.case.user_code import EXIT_HINT, TRACEBACK_HINT, faults_of_the_target, show_traceback
from steadygraph.errors import SteadygraphError, TargetError
from steadygraph.model import CaseReport, Problem, Status
from steadygraph.model.run import INTERNAL_ERROR
from steadygraph.workers import memory, processes, wire
from steadygraph.workers.board import REPORT_LOST, Board
from steadygraph.workers.keeper import STACK_SIGNAL, Descriptors
from steadygraph.workers.order import Analyze, Order
from steadygraph.workers.sink import Sink, out_of_the_way
from steadygraph.workers.wire import Result

#: So many of a traceback's last entries say enough in a report.
_FRAMES = 3
_RELEASE_S = 0.5


def work(order: Order, descriptors: Descriptors, board: Board, environment: Mapping[str, str]) -> NoReturn:
    """Analyse one target in this process, which is the worker's own, and end it.

    Args:
        order: What to do.
        descriptors: For the report, the stack, and what the target prints.
        board: Where it says what it is about.
        environment: That which the server began with.
    """
    _detach()
    worker = os.getpid()
    sink, stack = Sink(descriptors.report), out_of_the_way(descriptors.stack)
    _redirect(descriptors.errors, silent=order.silent)
    phase.told_to(board.write)
    phase.begins("the start")
    order.surroundings.enter(environment)
    if order.memory_limit_bytes is not None:
        memory.refuse_beyond(order.memory_limit_bytes)
    faulthandler.enable(stack, all_threads=False)
    faulthandler.register(STACK_SIGNAL, stack, all_threads=False)
    if order.timeout_s is not None:
        faulthandler.dump_traceback_later(order.timeout_s, file=stack)
    report = _sendable(result_of(order), order)
    if os.getpid() != worker:  # the target has forked, and both processes came back
        os._exit(0)
    faulthandler.cancel_dump_traceback_later()
    _flush()
    _release_semaphores()
    if not sink.write(wire.framed(report)):
        board.write(REPORT_LOST)
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
    case_file = None if order.case_file is None else Path(order.case_file)
    with faults_of_the_target(), opened(order.target, case_file=case_file) as case:
        if order.engine is not None:
            return _engine(order.engine)(case, order.settings), None
        from steadygraph.engine.engine import analyzed

        report, recording = analyzed(case, order.settings)
        return report, recording if order.record else None


def _engine(name: str) -> Analyze:
    module, _, function = name.partition(":")
    found: Analyze = getattr(importlib.import_module(module), function)
    return found


def _sendable(result: Result, order: Order) -> bytes:
    """The result as bytes; in its place why there are none."""
    root = order.surroundings.folder
    try:
        return wire.to_bytes(result, None if root is None else Path(root))
    except Exception as error:
        show_traceback(error)
        return wire.to_bytes((wire.plain(failed(order.target, internal_problem(error))), None))


def _limit_threads(most: int) -> None:
    """Threads that outnumber the processors wait for each other in loops: several times slower."""
    import torch

    torch.set_num_threads(min(most, torch.get_num_threads()))


def _detach() -> None:
    """Out of reach of the terminal and of its keeper's group; signals mean what they do in any program."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    processes.give_way()


def _redirect(errors: int, *, silent: bool) -> None:
    """Results alone go to standard output, so a target prints to standard error, at every level."""
    if silent:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, errors)
        os.close(null)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    if errors > 2:
        os.close(errors)
    sys.stdout = sys.stderr


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # The target may have closed or replaced them.
        with contextlib.suppress(Exception):
            stream.flush()
    processes.flush()


def _release_semaphores() -> None:
    """What inductor and progress bars create is otherwise reported as leaked, on the terminal, by another process."""
    # In a thread, and not waited for long: a pool that the target left open joins its workers here.
    releasing = threading.Thread(target=util._run_finalizers, args=(0,), daemon=True)  # type: ignore[attr-defined]
    releasing.start()
    releasing.join(_RELEASE_S)
