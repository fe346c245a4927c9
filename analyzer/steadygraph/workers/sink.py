"""Where a worker writes its report: out of the way of the target, and looked at again before it is used."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource

#: Above what programs close that close everything in sight, and below the lowest usual limit of a process, 1024.
_HIGH = 960


def out_of_the_way(descriptor: int) -> int:
    """The same descriptor under a high number; no program that is started inherits it."""
    lowest = min(_HIGH, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 8)
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest)
    os.close(descriptor)
    return moved


class Sink:
    """The worker's end of a pipe.

    Args:
        descriptor: Open for writing; it is moved.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = out_of_the_way(descriptor)
        self._identity = self._found()

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: bytes) -> bool:
        """Write all of it, unless the target has closed the pipe, or has a file of its own under that number."""
        with contextlib.suppress(OSError):
            if self._found() == self._identity:
                os.set_blocking(self._descriptor, True)
                while data:
                    data = data[os.write(self._descriptor, data) :]
                return True
        return False

    def _found(self) -> tuple[int, int]:
        status = os.fstat(self._descriptor)
        return status.st_dev, status.st_ino
