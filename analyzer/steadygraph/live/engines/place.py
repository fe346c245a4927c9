"""Where in an engine a process stands: which rank of which replica, in which run of the server."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime

#: What the processes of one server have in common: the first that loads the plugin hands it to those that it starts.
_RUN = "STEADYGRAPH_WATCH_RUN"
#: How a report names it, among versions and platform.
_ENGINE, _RANK, _RANKS, _REPLICA, _STARTED = "engine", "rank", "ranks", "replica", "run"


@dataclass(frozen=True, slots=True)
class Place:
    """Of a process.

    Args:
        engine: Name and version.
        rank: Of the process, counted from 0.
        ranks: How many there are that hold parts of one model.
        replica: Of data-parallel copies of the model, which; counted from 0.
        run: Of the server.
    """

    engine: str
    rank: int
    ranks: int
    replica: int
    run: str

    @property
    def folder(self) -> str:
        """The name of its folder: no other process writes there."""
        return f"rank-{self.rank}.replica-{self.replica}.run-{self.run}"

    @property
    def copy(self) -> tuple[str, int]:
        """The same for all ranks that hold parts of one copy of the model."""
        return self.run, self.replica

    def noted(self) -> dict[str, str]:
        """For the environment of a report."""
        return {
            _ENGINE: self.engine,
            _RANK: str(self.rank),
            _RANKS: str(self.ranks),
            _REPLICA: str(self.replica),
            _STARTED: self.run,
        }


def read(environment: Mapping[str, str]) -> Place | None:
    """The place that the environment of a report notes; None: it notes none."""
    try:
        rank, ranks, replica = (int(environment[name]) for name in (_RANK, _RANKS, _REPLICA))
        return Place(environment[_ENGINE], rank, ranks, replica, environment[_STARTED])
    except (KeyError, ValueError):
        return None


def run(environment: MutableMapping[str, str]) -> str:
    """The run that this process belongs to; the first process begins it."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    return environment.setdefault(_RUN, f"{now}-{os.getpid()}")
