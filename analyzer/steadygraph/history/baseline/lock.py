"""Digests of guards and graphs, and what it means that they are no longer the same."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from steadygraph.history.baseline.accepted import CaseBaseline, LockedCall, LockedGraph, Made
from steadygraph.model import CaseReport, Graph, GraphBody, LockChange

Lock = Mapping[str, tuple[LockedCall, ...]]


def locked(case: CaseReport) -> Lock:
    """The digests of every call of every region."""
    lines = {graph.digest: _lines_digest(graph) for graph in case.graphs}
    return {
        scenario.name: tuple(
            LockedCall(
                region=call.region,
                guards=call.guards,
                guard_types=dict(call.guard_types),
                graphs=tuple(LockedGraph(digest, lines.get(digest, "")) for digest in call.graphs),
            )
            for call in scenario.calls
        )
        for scenario in case.scenarios
    }


def changes(accepted: CaseBaseline, case: CaseReport, made: Made) -> tuple[LockChange, ...]:
    """What is said of each region and call whose digests are others than those in the lock.

    Args:
        accepted: The case in the baseline.
        case: The case now.
        made: What it was made with now.
    """
    if accepted.lock is None:
        return ()
    return tuple(
        LockChange(name, f"{sentence}: {_reason(old, new, accepted.made, made)}")
        for name, calls in locked(case).items()
        if name in accepted.lock
        for old, new, sentence in _changed(name, accepted.lock[name], calls)
    )


def _changed(
    scenario: str, old_calls: Sequence[LockedCall], new_calls: Sequence[LockedCall]
) -> Iterator[tuple[LockedCall, LockedCall, str]]:
    old_regions, new_regions = ([call.region for call in calls] for calls in (old_calls, new_calls))
    if old_regions != new_regions:
        text = f"{scenario} runs {_listed(new_regions)}, and {_listed(old_regions)} before"
        yield _together(old_calls), _together(new_calls), text
        return
    for old, new in zip(old_calls, new_calls, strict=True):
        what = f"of {old.region or 'the model'} in {scenario}"
        if [graph.graph for graph in old.graphs] != [graph.graph for graph in new.graphs]:
            yield old, new, f"the graph {what} has changed"
        elif old.guards != new.guards:
            yield old, new, f"the guards {what} have changed ({_types(old, new)})"


def _reason(old: LockedCall, new: LockedCall, old_made: Made, new_made: Made) -> str:
    """Who changed: the same lines that give another graph were traced by another torch."""
    same_lines = [graph.lines for graph in old.graphs] == [graph.lines for graph in new.graphs]
    if old_made.torch == new_made.torch:
        return "the model changed, torch did not" if not same_lines else "what the model is given or made of changed"
    release = f"torch changed ({old_made.torch} to {new_made.torch})"
    return f"{release}, the traced lines did not" if same_lines else f"{release}, and so did the model"


def _types(old: LockedCall, new: LockedCall) -> str:
    """``TENSOR_MATCH 4 to 5``, for the types whose number changed."""
    names = sorted(set(old.guard_types) | set(new.guard_types))
    pairs = ((name, old.guard_types.get(name, 0), new.guard_types.get(name, 0)) for name in names)
    told = [f"{name} {number} to {other}" for name, number, other in pairs if number != other]
    return ", ".join(told) or "as many of each type"


def _lines_digest(graph: Graph | GraphBody) -> str:
    """Of the text of the traced lines, in the order in which they were reached; moved lines stay the same."""
    hasher = hashlib.sha256()
    bodies = graph.bodies if isinstance(graph, Graph) else ()
    for line in (line for each in (graph, *bodies) for line in each.lines):
        hasher.update(f"{line.function}\0{line.text}\n".encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()[:32]


def _together(calls: Sequence[LockedCall]) -> LockedCall:
    return LockedCall("", "", {}, tuple(graph for call in calls for graph in call.graphs))


def _listed(regions: Sequence[str]) -> str:
    """``the model, layer (8 times)``."""
    counts = Counter(region or "the model" for region in regions)
    return ", ".join(f"{name} ({times} times)" if times > 1 else name for name, times in counts.items()) or "no region"
