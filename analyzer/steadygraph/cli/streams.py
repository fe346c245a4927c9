"""What goes where: results to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from typing import Any, TextIO, cast

from steadygraph.case.user_code import TRACEBACK_HINT, show_traceback
from steadygraph.errors import SteadygraphError, TargetError, UsageError
from steadygraph.redaction.text import redacted
from steadygraph.report.text.printed import readable

#: Lines of one message.
_MOST_LINES = 200


def emit(text: str) -> None:
    """Write a result."""
    sys.stdout.write(text)
    sys.stdout.flush()


def error(problem: str, hint: str | None = None) -> None:
    """One problem, in the form that all of them have: a line, and one for what to do."""
    _tell([f"error: {_on_one_line(problem)}", *([f"  hint: {_on_one_line(hint)}"] if hint else [])])


def remark(text: str) -> None:
    _tell(text.splitlines())


def _tell(lines: Sequence[str]) -> None:
    """These lines, whatever is in them: it may come from a target, and may be read by a CI system."""
    sys.stderr.write("".join(f"{line}\n" for line in readable("\n".join(lines[:_MOST_LINES])).split("\n")))
    sys.stderr.flush()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


class Stream:
    """A standard stream that may be full, or read by nobody: what is written to it never raises.

    Args:
        stream: The stream itself.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        #: How it took characters that it does not know.
        self._errors = getattr(stream, "errors", None)
        #: Why not all of it could be written.
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        with self._held():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._held():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def bare(self) -> Iterator[TextIO]:
        """A block in which the stream itself is as it was."""
        own = self._stream
        if not isinstance(own, TextIOWrapper):
            yield own
            return
        own.reconfigure(errors=self._errors)
        try:
            yield own
        finally:
            if not own.closed:
                own.reconfigure(errors="backslashreplace")

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            self.failure = self.failure or failure
            # Python would complain again when it flushes at exit.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


@contextmanager
def guarded() -> Iterator[Stream]:
    """A block in which nothing that is wrong with a standard stream ends anything; gives standard output."""
    _open_what_is_closed()
    before = sys.stdout, sys.stderr
    results, messages = Stream(before[0]), Stream(before[1])
    for stream in before:
        # A character that the terminal does not know must not end the program.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = cast(TextIO, results), cast(TextIO, messages)
    try:
        yield results
    finally:
        results.flush()
        messages.flush()
        sys.stdout, sys.stderr = before


@contextmanager
def bare() -> Iterator[None]:
    """A block in which the standard streams are those that :func:`guarded` found."""
    before = sys.stdout, sys.stderr
    with ExitStack() as opened:
        sys.stdout, sys.stderr = (opened.enter_context(s.bare()) if isinstance(s, Stream) else s for s in before)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def concluded(code: int, results: Stream) -> int:
    """The exit code of a run, once its results are out.

    That nobody reads them any more (``| head``) is no error; that they could not be written is wrong use, as it is
    with ``--output``.
    """
    from steadygraph.model.run import EXIT_FINDINGS, EXIT_OK, EXIT_TARGET, EXIT_USAGE

    results.flush()
    if results.failure is None or isinstance(results.failure, BrokenPipeError):
        return code
    problem = f"cannot write to standard output: {results.failure.strerror}"
    error(problem, "free some space, or choose a file with --output")
    return EXIT_USAGE if code in (EXIT_OK, EXIT_FINDINGS, EXIT_TARGET) else code


def _open_what_is_closed() -> None:
    """Descriptors 0 to 2 lead nowhere where they are closed: the next file to be opened would be taken for one."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def report_error(raised: BaseException) -> int:
    """Tell what ended the run, and give the exit code for it."""
    from steadygraph.model.run import EXIT_INTERNAL, EXIT_TARGET, EXIT_USAGE

    if isinstance(raised, SteadygraphError):
        error(raised.problem, raised.hint)
        codes = ((UsageError, EXIT_USAGE), (TargetError, EXIT_TARGET))
        return next((code for kind, code in codes if isinstance(raised, kind)), EXIT_INTERNAL)
    show_traceback(raised)
    said = redacted(str(raised))
    what = f"{type(raised).__name__}: {said}" if said else type(raised).__name__
    error(f"steadygraph failed: {what}", f"report this; {TRACEBACK_HINT}")
    return EXIT_INTERNAL
