"""What was seen to make the host wait, counted by operation, line and ``allow_sync`` block."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
import types
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from steadygraph.model import Location, Sync
from steadygraph.observe.places import locations


@dataclasses.dataclass
class AllowedBlock:
    """A ``with allow_sync(reason):`` that was run, and whether anything in it made the host wait."""

    reason: str
    location: Location | None
    needed: bool = False


def unneeded_blocks(calls: Iterable[Sequence[AllowedBlock]]) -> tuple[str, ...]:
    """A sentence about each place whose block no call has needed: ``allow_sync("reason") in forward, line 7, ...``."""
    needed: dict[tuple[str, Location | None], bool] = {}
    for blocks in calls:
        for block in blocks:
            key = block.reason, block.location
            needed[key] = needed.get(key, False) or block.needed
    return tuple(_unneeded(*key) for key, was in needed.items() if not was)


def _unneeded(reason: str, where: Location | None) -> str:
    place = f" in `{where.function}`, line {where.line}" if where else ""
    return f"allow_sync({reason!r}){place}: nothing in it makes the host wait, in no call: take it out"


class _Thread(threading.local):
    """The blocks that a thread is in."""

    def __init__(self) -> None:
        self.open: list[AllowedBlock] = []


class SyncLedger:
    """Counts in one call.

    Args:
        regions: Code objects of the compiled regions' forwards.
    """

    def __init__(self, regions: Collection[types.CodeType] = ()) -> None:
        self._regions = {id(code) for code in regions}
        self._found: Counter[Sync] = Counter()
        self._heard: Counter[Sync] = Counter()
        self._thread = _Thread()
        self._counting = threading.Lock()
        self.blocks: list[AllowedBlock] = []

    def note(self, operation: str, *, certain: bool, explicit: bool) -> None:
        """Count it at the line of the user's code that is running."""
        location, in_region = self._place()
        sync = Sync(operation, location, 1, in_region, self._reason(), certain, explicit)
        with self._counting:
            self._found[sync] += 1

    def hear(self, operation: str) -> None:
        """Count what CUDA tells of the line that is running."""
        location, in_region = self._place()
        with self._counting:
            self._heard[Sync(operation, location, 1, in_region, self._reason())] += 1

    def found(self) -> tuple[Sync, ...]:
        """What was noted, in the order in which it was first seen."""
        return _counted(self._found)

    def heard(self) -> tuple[Sync, ...]:
        return _counted(self._heard)

    def allowed(self, reason: str) -> contextlib.AbstractContextManager[None]:
        """A block in which what is noted has this reason."""
        return self._within(AllowedBlock(reason, self._place()[0]))

    @contextlib.contextmanager
    def _within(self, block: AllowedBlock) -> Iterator[None]:
        self.blocks.append(block)
        self._thread.open.append(block)
        try:
            yield
        finally:
            self._thread.open.pop()

    def _reason(self) -> str | None:
        """That of the innermost block; all that are open have been of use."""
        for block in self._thread.open:
            block.needed = True
        return self._thread.open[-1].reason if self._thread.open else None

    def _place(self) -> tuple[Location | None, bool]:
        """The innermost line of user code, and whether a region is running."""
        location = None
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None:
            if location is None and locations.is_user_file(frame.f_code.co_filename):
                location = locations.of_line(frame.f_code, frame.f_lineno)
            if id(frame.f_code) in self._regions:
                return location, True
            frame = frame.f_back
        return location, False


def _counted(syncs: Counter[Sync]) -> tuple[Sync, ...]:
    return tuple(dataclasses.replace(sync, count=count) for sync, count in syncs.items())
