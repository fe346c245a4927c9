"""Two sets of observations, the profile call's and a scenario's, put side by side."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

from steadygraph.compare import ambient, graphs, structure
from steadygraph.compare.prediction import predicted, unproved
from steadygraph.model import (
    GLOBAL,
    PROFILE,
    Aspect,
    DeviceMismatch,
    Difference,
    Evidence,
    Failure,
    GraphChange,
    Leak,
    Move,
    Node,
    Observation,
    Outcome,
    Region,
    Sync,
    ViolatedGuard,
)

#: Settings that change which kernels run although the captured graph stays the same.
_DECISIVE = ("ambient.autocast",)


def evidence(
    *,
    scenario: str,
    regions: Sequence[Region],
    profile: Sequence[Observation],
    serving: Sequence[Observation],
    outcomes: Sequence[Outcome],
    eager_error: Failure | None,
    profile_call: Node | None = None,
    call: Node | None = None,
    profile_syncs: Sequence[Sync] = (),
    syncs: Sequence[Sync] = (),
    serving_syncs: Sequence[Sync] = (),
    leak: Leak | None = None,
    profile_mismatches: Sequence[DeviceMismatch] = (),
    mismatches: Sequence[DeviceMismatch] = (),
) -> Evidence:
    """All that is known about one scenario.

    A region's k-th call is compared with its k-th call at profile, or with the last one there was.
    """
    pairs = list(_pairs(profile, serving)) if scenario != PROFILE else []
    violated = tuple(dict.fromkeys(g for before, now in pairs for g in _violated(before, now)))
    return Evidence(
        scenario=scenario,
        regions=tuple(regions),
        profile=tuple(profile),
        serving=tuple(serving),
        differences=tuple(dict.fromkeys(d for before, now in pairs for d in _differences(before, now))),
        violated_guards=violated,
        graph=_union(graphs.change(before.graphs, now.graphs) for before, now in pairs),
        outcomes=unproved(predicted(outcomes, violated), violated),
        eager_error=eager_error,
        profile_call=profile_call,
        call=call,
        call_differences=() if profile_call is None or call is None else structure.differences(profile_call, call),
        profile_syncs=tuple(profile_syncs),
        syncs=tuple(syncs),
        serving_syncs=tuple(serving_syncs),
        leak=leak,
        profile_mismatches=tuple(profile_mismatches),
        mismatches=tuple(mismatches),
        moved=(*_moved(profile, serving), *_handed_from_elsewhere(profile, serving)),
    )


def _pairs(profile: Sequence[Observation], serving: Sequence[Observation]) -> Iterator[tuple[Observation, Observation]]:
    seen: dict[str, int] = {}
    for now in serving:
        before = [o for o in profile if o.region == now.region]
        if before:
            index = seen.get(now.region, 0)
            seen[now.region] = index + 1
            yield before[min(index, len(before) - 1)], now


def _differences(before: Observation, now: Observation) -> Iterator[Difference]:
    yield from structure.differences(before.inputs, now.inputs, region=now.region)
    yield from ambient.differences(before.ambient, now.ambient, region=now.region)


def _violated(before: Observation, now: Observation) -> Iterator[ViolatedGuard]:
    same = graphs.are_same(before.graphs, now.graphs)
    for guard in now.violated_guards:
        yield dataclasses.replace(guard, matters=_matters(guard, same))


def _matters(guard: ViolatedGuard, same_graph: bool | None) -> bool | None:
    if guard.aspect is Aspect.AMBIENT and guard.path.startswith(_DECISIVE):
        return True
    if guard.aspect is Aspect.IDENTITY and "Tensor" in (guard.expected_type, guard.actual_type):
        return True  # the tensor itself is part of the graph
    return None if same_graph is None else not same_graph


def _union(changes: Iterable[GraphChange]) -> GraphChange:
    known = [change for change in changes if change.same is not None]
    if not known:
        return GraphChange()
    reaches = {change.reach for change in known if not change.same}
    different = list(dict.fromkeys(dataclasses.replace(change, reach=None) for change in known if not change.same))
    return GraphChange(
        same=not different,
        missing_inputs=tuple(dict.fromkeys(i for change in different for i in change.missing_inputs)),
        missing_ops=_total(change.missing_ops for change in different),
        extra_ops=_total(change.extra_ops for change in different),
        reach=reaches.pop() if len(reaches) == 1 else None,
    )


def _moved(profile: Sequence[Observation], serving: Sequence[Observation]) -> tuple[Move, ...]:
    """Tensors of the module and of global variables that the profile graphs read and that lie elsewhere now."""
    moves: dict[str, Move] = {}
    for now in serving:
        before = next((o for o in profile if o.region == now.region), None)
        if before is None:
            continue
        # What the call itself allocated, a captured graph has recorded too.
        recorded = {**dict(before.addresses_after), **dict(before.addresses)}
        inputs = [i for graph in before.graphs for i in graph.inputs]
        read = {i.name.removeprefix("self."): i.name for i in inputs if i.name.startswith("self.")}
        read |= {i.source: i.name for i in inputs if i.source.startswith(GLOBAL)}
        for when, places in (("before", now.addresses), ("during", now.addresses_after)):
            for name, address in places:
                path = _as_path(name)
                if path in read and recorded.get(name, address) != address:
                    moves.setdefault(path, Move(read[path], during=when == "during", region=now.region))
    return tuple(moves.values())


def _handed_from_elsewhere(profile: Sequence[Observation], serving: Sequence[Observation]) -> tuple[Move, ...]:
    """Buffers of the model around a region, handed to it from the same memory in all of several profile calls.

    An argument that start-up has in one place only once may be a result that is kept until the next step.
    """
    moves: dict[str, Move] = {}
    for now in serving:
        seen: dict[str, list[tuple[str, int]]] = {}
        for before in (o for o in profile if o.region == now.region):
            for path, name, address in before.handed:
                seen.setdefault(path, []).append((name, address))
        for path, name, address in now.handed:
            places = seen.get(path, [])
            if len(places) > 1 and len(set(places)) == 1 and places[0][0] == name and places[0][1] != address:
                moves.setdefault(name, Move(name, during=False, region=now.region))
    return tuple(moves.values())


def _as_path(name: str) -> str:
    """``layers.0.weight``, as modules name their tensors, in the words of the model's code: ``layers[0].weight``."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", name)


def _total(counts: Iterable[tuple[tuple[str, int], ...]]) -> tuple[tuple[str, int], ...]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one:
            total[name] = total.get(name, 0) + count
    return tuple(sorted(total.items()))
