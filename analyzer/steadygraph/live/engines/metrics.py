"""Counters for Prometheus, where its client is installed: numbers, names of models and of rules, and nothing else.

They stand in the client's own registry: an engine that shows it shows them too, of all its processes where it is set up
for several (``PROMETHEUS_MULTIPROC_DIR``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from steadygraph.live.region import LiveRegion
from steadygraph.model import Finding, Severity

_CHECKED = "steadygraph_checked_calls", "Calls of compiled models that were looked at.", ("region", "rank")
_VIOLATED = (
    "steadygraph_violated_structures",
    "Structures of calls for which a rule found more than a remark.",
    ("rule", "region", "rank"),
)
_RECOMPILED = "steadygraph_recompilations", "Recompilations in calls that were looked at.", ("region", "rank")
_SECONDS = "steadygraph_seconds", "Seconds that calls of models waited for steadygraph.", ("rank",)


class Metrics:
    """The counters of a process; without the client nothing is counted.

    Args:
        rank: Of the process.
    """

    def __init__(self, rank: int) -> None:
        self._rank = str(rank)
        #: What the counters were told already, by name and labels.
        self._told: dict[tuple[str, ...], float] = {}

    def update(self, regions: Iterable[LiveRegion], seconds: float) -> None:
        """Bring the counters up to what was seen so far."""
        for region in regions:
            scenarios = (region.profile_calls, region.beyond, *region.scenarios.values())
            self._raise(_CHECKED, sum(one.calls for one in scenarios), region=region.name)
            recompiles = sum(one.observation.recompiles for one in region.observed() if one.observation is not None)
            self._raise(_RECOMPILED, recompiles, region=region.name)
        self._raise(_SECONDS, seconds)

    def found(self, findings: Iterable[Finding]) -> None:
        """New findings."""
        for finding in findings:
            if finding.severity is not Severity.NOTE:
                labels = {"rule": finding.rule, "region": finding.region}
                self._raise(_VIOLATED, self._told.get(self._key(_VIOLATED, labels), 0.0) + 1, **labels)

    def _raise(self, counter: tuple[str, str, tuple[str, ...]], total: float, **labels: str) -> None:
        key = self._key(counter, labels)
        counted, more = _counter(*counter), total - self._told.get(key, 0.0)
        self._told[key] = total
        if counted is not None and more > 0:
            counted.labels(rank=self._rank, **labels).inc(more)

    def _key(self, counter: tuple[str, str, tuple[str, ...]], labels: dict[str, str]) -> tuple[str, ...]:
        return counter[0], *labels.values()


@cache
def _counter(name: str, says: str, labels: tuple[str, ...]) -> Any:
    """The counter of the process; None: the client is not installed."""
    client = _client()
    return None if client is None else client(name, says, labels)


def _client() -> Callable[..., Any] | None:
    with contextlib.suppress(ImportError):
        from prometheus_client import Counter

        return Counter
    return None
