"""What is in the way of a capture: while a stream is captured nobody may wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steadygraph.model import Location, Sync
from steadygraph.observe.places import locations
from steadygraph.observe.syncs.syncs import SyncWatch
from steadygraph.policies.bench import Bench
from steadygraph.policies.runs import run_profile


def obstacles(bench: Bench, waits: Iterable[Sync]) -> tuple[Sync, ...]:
    """What makes the host wait in the regions while the profile call is captured.

    A capture comes after a warm-up: what only the first call reads (a table that it makes) is in nobody's way.

    Args:
        bench: The model and its regions.
        waits: What was seen in the profile call, and is there when the regions are compiled.
    """
    first = [wait for wait in waits if wait.in_region and wait.certain]
    if not first:
        return ()
    bench.state.restore()
    run_profile(bench.case, bench.model)
    codes = [code for _, module in bench.regions if (code := locations.code_of(module.forward)) is not None]
    watch = SyncWatch(codes, bench.device)
    run_profile(bench.case, bench.model, watch.watching())
    return tuple(wait for wait in first if is_one_of(wait, watch.syncs()))


def marked(waits: Iterable[Sync], obstacles: Sequence[Sync]) -> tuple[Sync, ...]:
    """The same, with those marked that are in the way of a capture."""
    return tuple(replace(wait, fails_capture=True) if is_one_of(wait, obstacles) else wait for wait in waits)


def is_one_of(wait: Sync, others: Iterable[Sync]) -> bool:
    """Is it the same operation at the same line, in a region as well?"""
    return wait.in_region and any(
        other.in_region and (other.operation, other.location) == (wait.operation, wait.location) for other in others
    )


def failure(obstacle: Sync) -> str:
    """What a deployment hears that tries to capture it."""
    return f"the capture fails{_place(obstacle.location)}: {obstacle.operation} makes the host wait for the stream"


def _place(location: Location | None) -> str:
    return "" if location is None else f" in `{location.function}`, line {location.line}"
