"""What goes where: results to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys

from steadygraph.case.user_code import TRACEBACK_HINT, show_traceback
from steadygraph.errors import SteadygraphError, TargetError, UsageError


def emit(text: str) -> None:
    """Write a result; that nobody reads it any more (``| head``) is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()


def flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def nobody_reads() -> None:
    """Turn standard output away from a closed pipe: Python would complain again when it flushes at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def error(problem: str, hint: str | None = None) -> None:
    """One problem, in the form that all of them have."""
    sys.stderr.write(f"error: {problem}\n" + (f"  hint: {hint}\n" if hint else ""))


def remark(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def report_error(raised: BaseException) -> int:
    """Tell what ended the run, and give the exit code for it."""
    from steadygraph.model.run import EXIT_INTERNAL, EXIT_TARGET, EXIT_USAGE

    if isinstance(raised, SteadygraphError):
        error(raised.problem, raised.hint)
        codes = ((UsageError, EXIT_USAGE), (TargetError, EXIT_TARGET))
        return next((code for kind, code in codes if isinstance(raised, kind)), EXIT_INTERNAL)
    show_traceback(raised)
    what = f"{type(raised).__name__}: {raised}" if str(raised) else type(raised).__name__
    error(f"steadygraph failed: {what}", f"report this; {TRACEBACK_HINT}")
    return EXIT_INTERNAL
