"""Memory in which a worker says what it is about, for the process that watches over it to read."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

_BYTES = 1024
#: A path may be long, and the name of a scenario as long as a book.
_MOST = 480
_SECRETS_BYTES = 1 << 16
_LENGTH_BYTES = 4
#: A worker whose report could not be sent has this on its board.
REPORT_LOST = "\0report lost"


def sheet() -> int:
    """A file in memory for the text of a board: whoever has it can read along.

    Raises:
        OSError: There is no memory for it.
    """
    descriptor = os.memfd_create("steadygraph-board")
    os.ftruncate(descriptor, 2 * _BYTES)
    return descriptor


def activity(sheet: int) -> str:
    """What a worker is about, and as part of what: ``tracing 2 of 5: the call image``; empty before it begins."""
    step, about = (_text(os.pread(sheet, _BYTES, place)) for place in (_BYTES, 0))
    return ": ".join(part for part in (step, about) if part and part != REPORT_LOST)


class Board:
    """Made before the worker is forked; what one process writes, the other reads.

    Args:
        sheet: Where it is written, see :func:`sheet`; mapped, as a target may close descriptors and take their numbers.
    """

    def __init__(self, sheet: int) -> None:
        self._memory = mmap.mmap(sheet, 2 * _BYTES)
        #: One behind the other, a length of 0 behind the last.
        self._secrets = mmap.mmap(-1, _SECRETS_BYTES)

    def write(self, about: str, step: str = "") -> None:
        self._memory[:] = _written(about) + _written(step)

    def read(self) -> str:
        return _text(self._memory[:_BYTES])

    def tell_secret(self, secret: str) -> None:
        """Add one, which must not be printed; what finds no room is lost."""
        content = secret.encode("utf-8", "surrogateescape")
        position = sum(_LENGTH_BYTES + len(each) for each in self._told())
        if content and position + 2 * _LENGTH_BYTES + len(content) <= _SECRETS_BYTES:
            entry = len(content).to_bytes(_LENGTH_BYTES, "big") + content
            self._secrets[position : position + len(entry)] = entry

    def secrets(self) -> Iterator[str]:
        return (each.decode("utf-8", "surrogateescape") for each in self._told())

    def _told(self) -> Iterator[bytes]:
        position = 0
        while length := int.from_bytes(self._secrets[position : position + _LENGTH_BYTES], "big"):
            position += _LENGTH_BYTES
            yield self._secrets[position : position + length]
            position += length


def _written(text: str) -> bytes:
    content = " ".join(text.split())[:_MOST].encode("utf-8", "backslashreplace")[: _BYTES - 2]
    return len(content).to_bytes(2, "big") + content.ljust(_BYTES - 2, b"\0")


def _text(content: bytes) -> str:
    length = int.from_bytes(content[:2], "big")
    return content[2 : 2 + length].decode("utf-8", "replace")
