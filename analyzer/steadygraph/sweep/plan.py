"""Which targets a run does, in which order, and how many at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from steadygraph.errors import UsageError
from steadygraph.sweep.entry import Entry
from steadygraph.workers.pool import Request

#: What a target may need beyond what it needed the last time.
_BEYOND = 1.25
_FORM = "write i/n, such as 2/8 for the second of eight"


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of equal size, of which each target belongs to exactly one: by its place alone."""

    number: int = 1
    of: int = 1

    @classmethod
    def parsed(cls, text: str) -> Shard:
        """``2/8``.

        Raises:
            UsageError: It is none, or out of range.
        """
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        if found is None:
            raise UsageError(f"shard is {text!r:.60}", hint=_FORM)
        number, of = int(found[1]), int(found[2])
        if not 1 <= number <= of:
            raise UsageError(f"there is no shard {number} of {of}", hint=f"{_FORM}: i is from 1 to n")
        return cls(number, of)

    def part(self, requests: Sequence[Request]) -> Sequence[Request]:
        return requests[self.number - 1 :: self.of]

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def longest_first(requests: Iterable[Request], last: Mapping[str, Entry], key: Mapping[str, str]) -> list[Request]:
    """What took longest in the last sweep begins first; what was not in it, before all: nobody knows how long it takes.

    Args:
        requests: In any order; those that took as long keep it.
        last: Entries by their target.
        key: How reports call each target.
    """

    def seconds(request: Request) -> float:
        known = last.get(key[request.target])
        return -known.seconds if known is not None else float("-inf")

    return sorted(requests, key=seconds)


class Room:
    """The memory that targets share: no more run at once than fit.

    Args:
        requests: The targets.
        peaks: What each had at most in the last sweep; None: not known.
        available_bytes: What all may have together; None: it is not known how much there is.
        limit_bytes: What one may have; None: its share; 0: as much as it likes.
        jobs: How many may run at once.
    """

    def __init__(
        self,
        requests: Sequence[Request],
        peaks: Sequence[int | None],
        available_bytes: int | None,
        *,
        limit_bytes: int | None,
        jobs: int,
    ) -> None:
        self._available = available_bytes
        share = 0 if available_bytes is None else available_bytes // jobs
        self._needs = [int(peak * _BEYOND) if peak else limit_bytes or share for peak in peaks]
        #: With limits: what needed more than its share has a larger one, unless one was given.
        self.requests = [
            replace(request, memory_limit_bytes=min(available_bytes, need))
            if limit_bytes is None and available_bytes is not None and need > share
            else request
            for request, need in zip(requests, self._needs, strict=True)
        ]

    def fits(self, running: Collection[int], index: int) -> bool:
        """May this one start beside those that run?"""
        return self._available is None or sum(self._needs[each] for each in (*running, index)) <= self._available
