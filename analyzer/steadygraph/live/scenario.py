"""A distinct structure of calls: what was observed of the first, and how often it was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from steadygraph.live.reproduction.kept_call import KeptCall
from steadygraph.live.tally import Tally
from steadygraph.model import Observation, Seen

#: Asked with the locals of a frame.
Check = Callable[[Mapping[str, Any]], bool]


@dataclass(eq=False)
class Scenario:
    """Calls that look alike.

    Args:
        name: Of the scenario; empty for calls that are only counted.
        observation: Of the first call; None while it runs, and of calls that are only counted.
        kept: What it takes to make the first call again.
        check: Do the guards of the arguments say of a call what they said of the first one?  None: nobody has to ask.
        whole: Do all guards hold, as they did in the first call?  None: some did not.
    """

    name: str = ""
    observation: Observation | None = None
    kept: KeptCall | None = None
    check: Check | None = None
    whole: Check | None = None
    #: What answered that should not have; empty: nothing.
    note: str = ""
    #: Seconds since the epoch.
    first: float = field(default_factory=time.time)
    tally: Tally = field(default_factory=Tally)
    #: Calls that belong to it beside those that were counted here; fewer than none: they turned out to be others.
    more: int = 0

    def count(self) -> None:
        self.tally.count()

    @property
    def calls(self) -> int:
        return self.tally.calls + self.more

    def takes_in(self, other: Scenario) -> None:
        """The calls of another scenario are of this one."""
        self.more += other.calls
        self._until = max(self._until, other.last)

    @property
    def last(self) -> float:
        """Seconds since the epoch; 0 before the first call."""
        return max(self.tally.last, self._until)

    _until: float = 0.0

    @property
    def seen(self) -> Seen:
        return Seen(self.calls, _utc(self.first), _utc(self.last or self.first))


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
