"""The process of one target: it analyses, sends its report, and ends."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import faulthandler
import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import util
from pathlib import Path
from typing import NoReturn, cast

from steadygraph.case import phase
from steadygraph.case.case import opened
from steadygraph.case.user_code import EXIT_HINT, TRACEBACK_HINT, describe, faults_of_the_target, show_traceback
from steadygraph.errors import (
    CaseError,
    DeviceError,
    LeftOutError,
    SteadygraphError,
    TargetError,
    TorchSupportError,
    UsageError,
    raised,
)
from steadygraph.model import CaseReport, Problem, Status
from steadygraph.model.run import INTERNAL_ERROR
from steadygraph.redaction import secrets
from steadygraph.workers import memory, processes, wire
from steadygraph.workers.board import REPORT_LOST, Board
from steadygraph.workers.foundation import Foundation
from steadygraph.workers.keeper import STACK_SIGNAL, Descriptors
from steadygraph.workers.order import Analyze, Order
from steadygraph.workers.sink import Sink, out_of_the_way
from steadygraph.workers.wire import Result

#: So many of a traceback's last entries say enough in a report.
_FRAMES = 3
#: Whoever reads what the target printed may be slow.
_FLUSH_S, _RELEASE_S = 2.0, 0.5
_OURS = (SteadygraphError, UsageError, CaseError, DeviceError, LeftOutError, TargetError, TorchSupportError)
_TEXTS = (str, type(None))


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
    secrets.watch(board.tell_secret)
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
    _done_in(_FLUSH_S, _flush)
    _done_in(_RELEASE_S, _release_semaphores)
    if not sink.write(wire.framed(report)):
        board.write(REPORT_LOST)
    # Not sys.exit: threads of the target must not keep the process, nor its exit handlers hang it.
    os._exit(0)


def result_of(order: Order) -> Result:
    """What is found out about one target; whatever goes wrong becomes its problem."""
    started = time.perf_counter()
    foundation, changed = Foundation(), []
    recording = None
    try:
        try:
            report, recording = _analyzed(order)
        finally:  # before anything else is done: it could not be done
            changed = foundation.put_back()
    except SteadygraphError as error:
        report = failed(order.target, _told(error))
    except KeyboardInterrupt:
        report = failed(order.target, _of_target("the target raised KeyboardInterrupt", EXIT_HINT))
    except BaseException as error:
        show_traceback(error)
        report = failed(order.target, _unexpected(error, changed))
    duration_s = round(time.perf_counter() - started, 3)
    if recording is not None:
        recording = dataclasses.replace(recording, duration_s=duration_s)
    return dataclasses.replace(report, duration_s=duration_s), recording


def failed(target: str, problem: Problem, *, status: Status = Status.FAILED, duration_s: float = 0.0) -> CaseReport:
    return CaseReport(target=target, status=status, duration_s=duration_s, error=problem)


def _told(error: SteadygraphError) -> Problem:
    """What an error of ours says; the target may have raised it, with anything in it, or one of a class of its own."""
    if any(type(error) is kind for kind in _OURS) and type(error.problem) is str and type(error.hint) in _TEXTS:
        return Problem(raised.name(error), error.problem, error.hint)
    return _of_target(f"the target raised {describe(error)}", TRACEBACK_HINT)


def _unexpected(error: BaseException, changed: Sequence[str]) -> Problem:
    """What was not meant to be raised: a fault of steadygraph, unless it is known whose it is.

    Args:
        error: It.
        changed: What the target has put in place of Python and steadygraph.
    """
    if changed:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        what = f"the target changed {changed[0]}{others}, and then {raised.name(error)} was raised"
        return _of_target(what, "a target must leave Python as it is, for what runs beside it")
    if raised.is_theirs(error):
        return _of_target(f"the target raised {describe(error)}", TRACEBACK_HINT)
    if issubclass(type(error), OSError) and cast(OSError, error).errno in (errno.EMFILE, errno.ENFILE):
        return _of_target("the target left no file descriptor free", "a target must close what it opens")
    return internal_problem(error)


def _of_target(message: str, hint: str) -> Problem:
    return Problem(TargetError.__name__, message, hint)


def internal_problem(error: BaseException) -> Problem:
    """An exception that steadygraph did not mean to raise, with the end of its traceback."""
    frames = "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:]).rstrip()
    said = raised.text(error)
    name = f"{raised.name(error)}: {said}" if said else raised.name(error)
    return Problem(INTERNAL_ERROR, f"steadygraph failed: {name}\n{frames}", f"report this; {TRACEBACK_HINT}")


def _analyzed(order: Order) -> Result:
    if order.threads is not None:
        _limit_threads(order.threads)
    case_file = None if order.case_file is None else Path(order.case_file)
    probing = order.settings.probing is not None
    with faults_of_the_target(), opened(order.target, case_file=case_file, serves=not probing) as case:
        if order.engine is not None:
            return _engine(order.engine)(case, order.settings), None
        from steadygraph.rule.packs import leave_out

        leave_out(order.slow_packs)
        if probing:
            from steadygraph.engine.probing.probing import probed

            report, recording = probed(case, order.settings)
        else:
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
        with contextlib.suppress(BaseException):
            stream.flush()
    processes.flush()


def _release_semaphores() -> None:
    """What inductor and progress bars create is otherwise reported as leaked, on the terminal, by another process."""
    # A pool that the target left open joins its workers here.
    with contextlib.suppress(BaseException):
        util._run_finalizers(0)  # type: ignore[attr-defined]


def _done_in(patience_s: float, step: Callable[[], None]) -> None:
    """Do it in a thread, and wait no longer: it runs code of the target."""
    doing = threading.Thread(target=step, daemon=True)
    doing.start()
    doing.join(patience_s)
