"""How a worker ended without a report, as a problem of its target."""

from __future__ import annotations

import re
import signal

from steadygraph.case.user_code import is_user_file, readable_path
from steadygraph.errors import TargetError
from steadygraph.model import Problem
from steadygraph.model.run import INTERNAL_ERROR
from steadygraph.model.size import readable
from steadygraph.workers.board import REPORT_LOST
from steadygraph.workers.keeper import Ended

_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)
_CRASH_HINT = "native code that was called from there crashed: look at C++ extensions and kernels of the target"
_KILL_HINT = "use a smaller configuration of the model, or fewer --jobs"
_MEMORY_HINT = "use a smaller configuration of the model, or give it more with --memory-limit"
_SIGNAL_HINT = "look for what sends this signal, in the target or outside of it"
_EXIT_HINT = "a target must not end the process: look for os._exit in what it calls"
_KEEPER_HINT = "a target must leave the process that started it alone: look for os.getppid() in what it calls"
_DESCRIPTOR_HINT = "a target must use and close only what it opened: look for os.closerange in what it calls"
_WRITE_HINT = "a target must write only to what it opened: look for os.write in what it calls"
_TIMEOUT_HINT = "give it more time with --timeout, or look for what it waits for"
_START_HINT = "free memory or processes, and run it again"
_REPORT_HINT = "report this, with the target"
_FRAME = re.compile(r'^  File "(?P<path>.*)", line (?P<line>\d+) in (?P<function>.*)$', re.MULTILINE)


def of_the_worker(ended: Ended, limit_bytes: int | None, stack: str) -> Problem:
    """Why there is no report.

    Args:
        ended: How the worker did.
        limit_bytes: How much memory it was allowed.
        stack: What it wrote down of its stack.
    """
    if ended.used_bytes is not None and limit_bytes is not None:
        have, most = readable(ended.used_bytes), readable(limit_bytes)
        when = f"during {ended.board}{place(stack)}"
        return _of_target(f"the target took {have} of memory {when}, and its limit is {most}", _MEMORY_HINT)
    if ended.board == REPORT_LOST:
        return _of_target("the target closed the descriptor that its report is written to", _DESCRIPTOR_HINT)
    if ended.code == -signal.SIGKILL:
        message = f"the target was killed by the system, perhaps out of memory, during {ended.board}"
        return _of_target(message, _KILL_HINT)
    if ended.code is None or ended.code >= 0:
        return _of_target(f"the target ended its process with exit code {ended.code}", _EXIT_HINT)
    name = _signal_name(-ended.code)
    hint = _CRASH_HINT if -ended.code in _CRASHES else _SIGNAL_HINT
    return _of_target(f"the target was ended by signal {name}{place(stack)}", hint)


def of_the_keeper() -> Problem:
    return _of_target("the target ended the process that watches over it", _KEEPER_HINT)


def of_a_foreign_report() -> Problem:
    return _of_target("the target wrote to the descriptor that its report is written to", _WRITE_HINT)


def of_an_unreadable_report(why: str) -> Problem:
    return Problem(INTERNAL_ERROR, f"the report of the worker cannot be read: {why}", _REPORT_HINT)


def of_the_time(timeout_s: float, stack: str) -> Problem:
    return _of_target(f"the target did not finish within {timeout_s:g} s{place(stack)}", _TIMEOUT_HINT)


def of_the_start(why: str) -> Problem:
    """No worker began."""
    return Problem(INTERNAL_ERROR, f"no worker process could be started: {why}", _START_HINT)


def place(stack: str) -> str:
    """`` (in forward, model.py:12)``: the innermost line of the user where the worker stood at last, if known."""
    # Threads are written newest first, so the main one is last; frames innermost first.
    frames = list(_FRAME.finditer(re.split(r"^(?:Current t|T)hread ", stack, flags=re.MULTILINE)[-1]))
    for frame in frames:
        if is_user_file(frame["path"]):
            return f" (in {frame['function']}, {readable_path(frame['path'])}:{frame['line']})"
    return ""


def _of_target(message: str, hint: str) -> Problem:
    return Problem(TargetError.__name__, message, hint)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
