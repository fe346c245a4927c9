"""A page of memory on which a worker says what it is about, for the process that watches over it to read."""

from __future__ import annotations

import mmap

_BYTES = 1024
#: A path may be long, and the name of a scenario as long as a book.
_MOST = 480
#: A worker whose report could not be sent has this on its board.
REPORT_LOST = "\0report lost"


class Board:
    """Made before the worker is forked; what one process writes, the other reads."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _BYTES)

    def write(self, text: str) -> None:
        content = " ".join(text.split())[:_MOST].encode("utf-8", "backslashreplace")[: _BYTES - 2]
        self._memory[:] = len(content).to_bytes(2, "big") + content.ljust(_BYTES - 2, b"\0")

    def read(self) -> str:
        length = int.from_bytes(self._memory[:2], "big")
        return self._memory[2 : 2 + length].decode("utf-8", "replace")
