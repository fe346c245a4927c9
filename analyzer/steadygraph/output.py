"""Writing results: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from steadygraph.errors import UsageError


def require_writable(file: Path) -> None:
    """Find out before any work is done whether ``file`` could be written.

    Raises:
        UsageError: Its directory does not exist or cannot be written to, or it is a directory itself.
    """
    folder = file.parent
    if not folder.exists():
        raise UsageError(f"cannot write {file}: there is no directory {folder}", hint=f"create it: mkdir -p {folder}")
    if not folder.is_dir():
        raise UsageError(f"cannot write {file}: {folder} is not a directory", hint="name a file in a directory")
    if file.is_dir():
        raise UsageError(
            f"cannot write {file}: it is a directory", hint=f"name a file in it, such as {file / 'report'}"
        )
    if _is_special(file):
        return
    if file.exists() and not os.access(file, os.W_OK):
        raise UsageError(f"cannot write {file}: it is read-only", hint=f"make it writable: chmod u+w {file}")
    try:
        descriptor, probe = tempfile.mkstemp(prefix=f".{file.name}.", dir=folder)
    except OSError as error:
        problem = f"cannot write {file}: {error.strerror}"
        raise UsageError(problem, hint=f"choose a directory that you may write to, not {folder}") from error
    os.close(descriptor)
    Path(probe).unlink()


def write(file: Path, text: str) -> None:
    """Write ``text`` beside ``file`` and rename it: a reader sees the old file or the new one, never half of it."""
    content = text.encode("utf-8", "backslashreplace")
    if _is_special(file):  # /dev/stdout, a named pipe: nothing to replace
        file.write_bytes(content)
        return
    # Through a link to the file that it names, as plain writing would.
    file = file.resolve()
    descriptor, beside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, _mode(file))
        os.replace(beside, file)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _is_special(file: Path) -> bool:
    return file.exists() and not file.is_file() and not file.is_dir()


def _mode(file: Path) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    if file.exists():
        return file.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
