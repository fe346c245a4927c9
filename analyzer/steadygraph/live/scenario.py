"""A distinct structure of calls: what was observed of the first, and how often it was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from steadygraph.live.reproduction.kept_call import KeptCall
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
        check: Do the guards say of a call what they said of the first one?  None: nobody has to ask.
    """

    name: str = ""
    observation: Observation | None = None
    kept: KeptCall | None = None
    check: Check | None = None
    calls: int = 0
    #: Seconds since the epoch.
    first: float = field(default_factory=time.time)
    last: float = 0.0

    def count(self) -> None:
        self.calls += 1
        self.last = time.time()

    @property
    def seen(self) -> Seen:
        return Seen(self.calls, _utc(self.first), _utc(self.last or self.first))


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
