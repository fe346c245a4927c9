"""Files and folders that are there for a while: whoever made them holds a lock on them, and ends with it.

A run that is killed leaves them behind.  The next one that works in the same place takes away those that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Stands in their names, which nobody else gives.
_MARK = ".steadygraph-"
_RANDOM = re.compile(r"[a-z0-9_]{8}")


@dataclass(frozen=True, slots=True)
class Staged:
    """A file, or a folder, and the descriptor by which this process holds it."""

    path: str
    descriptor: int

    def release(self) -> None:
        """Hold it no longer: it has got its name, or is gone."""
        os.close(self.descriptor)


def file(folder: Path, name: str = "") -> Staged:
    """A new empty file.

    Args:
        folder: Where it lies.
        name: What it is for.

    Raises:
        OSError: It could not be made.
    """
    while True:
        descriptor, path = tempfile.mkstemp(prefix=_prefix(name), dir=folder)
        staged = Staged(path, descriptor)
        if _hold(descriptor) and os.fstat(descriptor).st_nlink:
            return staged
        staged.release()  # between the two lines above somebody took it for a leftover


@contextlib.contextmanager
def folder(parent: Path) -> Iterator[Path]:
    """A new folder in a folder, for the time of a block.

    Raises:
        OSError: It could not be made.
    """
    while True:
        path = tempfile.mkdtemp(prefix=_prefix(), dir=parent)
        staged = Staged(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY))
        if _hold(staged.descriptor) and os.path.isdir(path):
            break
        staged.release()
    try:
        yield Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
        staged.release()


def clean(folder: Path, name: str = "") -> None:
    """Take away what killed processes have left in a folder.

    Args:
        folder: Where to look.
        name: What it was for.
    """
    prefix = _prefix(name)
    with contextlib.suppress(OSError):
        for found in os.listdir(folder):
            if found.startswith(prefix) and _RANDOM.fullmatch(found, len(prefix)):
                with contextlib.suppress(OSError):  # somebody else's, or gone by now
                    _remove(os.path.join(folder, found))


def _prefix(name: str = "") -> str:
    return f".{name}{_MARK}" if name else _MARK


def _remove(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        # Held by nobody, and still what has this name: no living process can come between.
        if status.st_uid == os.getuid() and _hold(descriptor, sure=True) and os.path.samestat(status, os.lstat(path)):
            if stat.S_ISDIR(status.st_mode):
                shutil.rmtree(path, ignore_errors=True)
            elif stat.S_ISREG(status.st_mode):
                os.unlink(path)
    finally:
        os.close(descriptor)


def _hold(descriptor: int, *, sure: bool = False) -> bool:
    """Does this process hold it from now on?  Where there are no locks, everybody who made something does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return not sure
    return True
