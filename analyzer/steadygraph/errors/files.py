"""Writing results: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time
from collections.abc import Mapping
from pathlib import Path

from steadygraph.errors import UsageError, staging
from steadygraph.errors.staging import Staged

#: How long a pipe may have nobody who reads from it.
READER_S = 10.0
_PAUSE_S = 0.02


def require_writable(file: Path) -> None:
    """Find out before any work is done whether ``file`` could be written.

    Raises:
        UsageError: Its directory does not exist or cannot be written to, or it is a directory itself.
    """
    folder = file.parent
    if not os.path.exists(folder):
        raise UsageError(f"cannot write {file}: there is no directory {folder}", hint=f"create it: mkdir -p {folder}")
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):  # to be made; a folder that is none is told below
        pass
    except OSError as error:  # a name that is too long, links that go in a circle
        raise UsageError(f"cannot write {file}: {error.strerror}", hint="choose another path") from error
    if not folder.is_dir():
        raise UsageError(f"cannot write {file}: {folder} is not a directory", hint="name a file in a directory")
    if file.is_dir():
        raise UsageError(
            f"cannot write {file}: it is a directory", hint=f"name a file in it, such as {file / 'report'}"
        )
    if _is_special(file):
        if file.is_block_device() or file.is_socket():
            kind = "device" if file.is_block_device() else "socket"
            raise UsageError(f"cannot write {file}: it is a {kind}", hint="name a file")
        return
    if file.exists() and not os.access(file, os.W_OK):
        raise UsageError(f"cannot write {file}: it is read-only", hint=f"make it writable: chmod u+w {file}")
    staging.clean(folder, file.name)
    try:
        probe = staging.file(folder, file.name)
    except OSError as error:
        problem = f"cannot write {file}: {error.strerror}"
        raise UsageError(problem, hint=f"choose a directory that you may write to, not {folder}") from error
    os.unlink(probe.path)
    probe.release()


def require_folder(folder: Path) -> None:
    """Find out before any work is done whether ``folder`` is one, and make it and those above it if need be.

    Raises:
        UsageError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(f"cannot write to {folder}: it is not a directory", hint="name a directory") from error
    except OSError as error:
        problem = f"cannot make the directory {folder}: {error.strerror}"
        raise UsageError(problem, hint="choose a place that you may write to") from error


def working_directory() -> Path:
    """The current directory, or what it was called until somebody removed it."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.readlink("/proc/self/cwd").removesuffix(" (deleted)"))


def write(file: Path, text: str) -> None:
    """Write ``text`` beside ``file`` and rename it: a reader sees the old file or the new one, never half of it."""
    write_all({file: text})


def write_all(texts: Mapping[Path, str]) -> None:
    """Write each text beside its file, and rename them once all are complete: what fails on the way changes none.

    Raises:
        OSError: A text could not be written.
    """
    beside: dict[Path, Staged] = {}
    try:
        for file, text in texts.items():
            content = text.encode("utf-8", "backslashreplace")
            if _is_special(file):  # /dev/stdout, a named pipe: nothing to replace
                _pour(content, file)
            else:
                # Through a link to the file that it names, as plain writing would.
                _stage(file.resolve(), content, beside)
        for file in list(beside):
            os.replace(beside[file].path, file)
            beside.pop(file).release()
    finally:
        for leftover in beside.values():
            with contextlib.suppress(OSError):
                os.unlink(leftover.path)
            leftover.release()


def _stage(file: Path, content: bytes, beside: dict[Path, Staged]) -> None:
    """Write ``content`` to a new file next to ``file``, down to the disk."""
    beside[file] = staged = staging.file(file.parent, file.name)
    with open(staged.descriptor, "wb", closefd=False) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.chmod(staged.path, _mode(file))


def _pour(content: bytes, file: Path) -> None:
    """Write to a device or a pipe, if there is somebody who takes it.

    Raises:
        OSError: There is not.
    """
    descriptor = _opened(file)
    with open(descriptor, "wb", buffering=0):
        while content:
            if not select.select([], [descriptor], [], READER_S)[1]:
                raise _nobody_reads()
            content = content[os.write(descriptor, content[: select.PIPE_BUF]) :]


def _opened(file: Path) -> int:
    """A descriptor that never blocks: plainly opened, a pipe waits for somebody who reads from it."""
    deadline = time.monotonic() + READER_S
    while time.monotonic() < deadline:
        try:
            return os.open(file, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        time.sleep(_PAUSE_S)
    raise _nobody_reads()


def _nobody_reads() -> OSError:
    return TimeoutError(errno.ETIMEDOUT, f"nobody reads from this pipe within {READER_S:g} s")


def _is_special(file: Path) -> bool:
    return file.exists() and not file.is_file() and not file.is_dir()


def _mode(file: Path) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    if file.exists():
        return file.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
