"""The server that workers are forked from, seen from the parent: one for all runs of this process."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import util

#: Neither ``-m`` nor without ``-P``: a file of the user's in the current directory could pose as a module that is
#: imported first.  And Python 3.13.0 asks for the current directory whenever a module lacks an attribute, and fails if
#: it is gone (github.com/python/cpython/issues/130932).
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from steadygraph.workers.forking import serve; serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])"
)
_END_S = 5.0

_current: Server | None = None


class Server:
    """A running server.

    Args:
        preload: Modules that it imports beside what every worker needs.

    Raises:
        OSError: It could not be started.
    """

    def __init__(self, preload: Sequence[str] = ()) -> None:
        self.preload = tuple(preload)
        self._owner = os.getpid()
        # Messages, not a stream: each has its descriptors.
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        flags: list[str] = util._args_from_interpreter_flags()  # type: ignore[attr-defined]
        with theirs:
            # A session of its own: what a terminal sends to all of its processes goes to the parent alone.
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *flags,
                    "-P",
                    "-c",
                    _CODE,
                    str(theirs.fileno()),
                    str(self._owner),
                    *preload,
                    json.dumps(sys.path),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def serves(self) -> bool:
        """Does it run, as a server of this process?  A target may have ended or stopped it."""
        if self._owner != os.getpid():
            return False
        asked = os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self._process.pid, asked) is None
        except ChildProcessError:
            return False

    def fork(self, descriptors: Sequence[int]) -> None:
        """Have a worker forked that gets these.

        Raises:
            OSError: The server is gone.
        """
        socket.send_fds(self._control, [b"\0"], descriptors)

    def end(self) -> None:
        """End it; workers that it has forked go on."""
        self._control.close()
        if self._owner == os.getpid():
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)


def current(preload: Sequence[str] = ()) -> Server:
    """The server of this process, started if there is none with these modules or it came to harm.

    Raises:
        OSError: It could not be started.
    """
    global _current
    if _current is None or not _current.serves or _current.preload != tuple(preload):
        if _current is None:
            atexit.register(_end)
        else:
            _current.end()
        _current = None
        _current = Server(preload)
    return _current


def _end() -> None:
    if _current is not None:
        _current.end()
