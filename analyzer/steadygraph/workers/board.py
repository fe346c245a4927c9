"""Memory in which a worker says what it is about, for the process that watches over it to read."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

_BYTES = 1024
#: A path may be long, and the name of a scenario as long as a book.
_MOST = 480
_SECRETS_BYTES = 1 << 16
_LENGTH_BYTES = 4
#: A worker whose report could not be sent has this on its board.
REPORT_LOST = "\0report lost"


class Board:
    """Made before the worker is forked; what one process writes, the other reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _BYTES)
        #: One behind the other, a length of 0 behind the last.
        self._secrets = mmap.mmap(-1, _SECRETS_BYTES)

    def write(self, text: str) -> None:
        content = " ".join(text.split())[:_MOST].encode("utf-8", "backslashreplace")[: _BYTES - 2]
        self._memory[:] = len(content).to_bytes(2, "big") + content.ljust(_BYTES - 2, b"\0")

    def read(self) -> str:
        length = int.from_bytes(self._memory[:2], "big")
        return self._memory[2 : 2 + length].decode("utf-8", "replace")

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
