"""What a target prints, on its way to standard error: nothing private, and no commands to whoever reads."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable

from steadygraph.redaction import secrets
from steadygraph.report.text.printed import readable

_CHUNK_BYTES = 1 << 16


class Relay:
    """A pipe whose lines come out at another descriptor.

    It reads in a thread: whoever reads standard error may be slow, and nobody else has to wait for that.

    Args:
        destination: Where the lines go; it is closed at the end.
        told: Gives the secrets that whoever prints has told so far.
    """

    def __init__(self, destination: int, told: Callable[[], Iterable[str]] = tuple) -> None:
        self._destination = destination
        self._told = told
        self._reader, self._entrance = os.pipe()
        self._thread = threading.Thread(target=self._run, name="steadygraph-relay", daemon=True)

    def enter(self) -> int:
        """Where to print to, for a process that was forked from this one."""
        os.close(self._reader)
        return self._entrance

    def start(self) -> None:
        """Begin to read.  Processes that are to print have been forked by now, and this one has nothing to print."""
        os.close(self._entrance)
        self._thread.start()

    def finish(self, patience_s: float) -> None:
        """Wait until all is out that was printed, once nobody is left to print."""
        self._thread.join(patience_s)

    def _run(self) -> None:
        waiting = b""
        while data := os.read(self._reader, _CHUNK_BYTES):
            whole, end, waiting = (waiting + data).rpartition(b"\n")
            if len(waiting) > _CHUNK_BYTES:
                whole, end, waiting = whole + end + waiting, b"\n", b""
            self._write(whole + end)
        self._write(waiting and waiting + b"\n")

    def _write(self, printed: bytes) -> None:
        if not printed:
            return
        secrets.remember(self._told())
        shown = readable(printed.decode("utf-8", "backslashreplace")).encode("utf-8", "backslashreplace")
        with contextlib.suppress(OSError):  # nobody reads
            while shown:
                shown = shown[os.write(self._destination, shown) :]
