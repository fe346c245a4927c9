"""Reading files that somebody names: never without end, and never waiting for nobody."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path
from typing import BinaryIO

#: No report, recording, baseline, configuration or case is larger.
LARGEST_BYTES = 256 * 2**20
#: How long a pipe may have nobody who writes to it.
WRITER_S = 10.0
_PAUSE_S = 0.02
_CHUNK_BYTES = 1 << 20


def content(file: Path, *, piped: bool = False) -> bytes:
    """All of a file.

    Args:
        file: Its name.
        piped: It may be a pipe, as the shell makes one of ``<(command)``.

    Raises:
        OSError: It cannot be read, is larger than ``LARGEST_BYTES``, or is a device, a socket or a pipe; its
            ``strerror`` says so in words.
    """
    look = os.stat(file)
    mode = look.st_mode
    if stat.S_ISREG(mode):
        if look.st_size > LARGEST_BYTES:
            raise _too_large()
        with open(file, "rb") as stream:
            return limited(stream)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (piped and stat.S_ISFIFO(mode)):
        raise OSError(errno.EINVAL, f"it is a {_kind(mode)}, not a file")
    # Plainly opened, a pipe waits for somebody who writes to it.
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as stream:
        beginning = _first_of(stream.fileno())
        os.set_blocking(stream.fileno(), True)
        return beginning + limited(stream)


def limited(stream: BinaryIO) -> bytes:
    """All that a stream gives.

    Raises:
        OSError: That is more than ``LARGEST_BYTES``.
    """
    found = bytearray()
    while chunk := stream.read(_CHUNK_BYTES):
        found += chunk
        if len(found) > LARGEST_BYTES:
            raise _too_large()
    return bytes(found)


def _first_of(descriptor: int) -> bytes:
    """The first bytes of a pipe that does not block, or nothing as soon as there is somebody who may write them."""
    deadline = time.monotonic() + WRITER_S
    while time.monotonic() < deadline:
        try:
            data = os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return b""
        if data:
            return data
        time.sleep(_PAUSE_S)
    raise TimeoutError(errno.ETIMEDOUT, f"nobody wrote to this pipe within {WRITER_S:g} s")


def _too_large() -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {LARGEST_BYTES // 2**20} MiB")


def _kind(mode: int) -> str:
    kinds = {"device": (stat.S_ISCHR, stat.S_ISBLK), "pipe": (stat.S_ISFIFO,), "socket": (stat.S_ISSOCK,)}
    return next((kind for kind, tests in kinds.items() if any(test(mode) for test in tests)), "special file")
