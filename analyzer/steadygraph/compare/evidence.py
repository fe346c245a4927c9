"""A recording's profile call and one of its scenarios, put side by side."""

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
    Checked,
    ContainerNode,
    Difference,
    Evidence,
    Graph,
    GraphChange,
    Move,
    Node,
    Observation,
    RecordedCall,
    Recording,
    TensorNode,
    ViolatedGuard,
)

#: Settings that change which kernels run although the captured graph stays the same.
_DECISIVE = ("ambient.autocast",)


def evidence(recording: Recording) -> list[Evidence]:
    """All that is known about each call, the profile call first."""
    return [_of_call(recording, call) for call in recording.calls]


def _of_call(recording: Recording, call: RecordedCall) -> Evidence:
    """A region's k-th call is compared with its k-th call at profile, or with the last one there was."""
    start = recording.profile
    pairs = list(_pairs(start.observations, call.observations)) if call.name != PROFILE else []
    violated = tuple(dict.fromkeys(guard for pair in pairs for guard in _violated(*pair)))
    change = _union(graphs.change(profile.graphs, serving.graphs) for profile, serving in pairs)
    return Evidence(
        scenario=call.name,
        regions=recording.regions,
        profile=start.observations,
        serving=call.observations,
        differences=tuple(dict.fromkeys(difference for pair in pairs for difference in _differences(*pair))),
        violated_guards=violated,
        graph=change,
        outcomes=unproved(
            predicted(call.outcomes, violated, derived=any(_derived(*pair) for pair in pairs)), violated, change
        ),
        eager_error=call.eager_error,
        profile_call=start.arguments,
        call=call.arguments,
        call_differences=structure.differences(start.arguments, call.arguments),
        profile_syncs=start.syncs,
        syncs=call.syncs,
        serving_syncs=tuple(sync for scenario in recording.scenarios for sync in scenario.syncs),
        leak=call.leak,
        wrong_in_eager=call.wrong_in_eager,
        non_finite=call.non_finite,
        fault=call.fault,
        profile_mismatches=start.mismatches,
        mismatches=call.mismatches,
        moved=(
            *_moved(start.observations, call.observations),
            *_handed_from_elsewhere(start.observations, call.observations),
        ),
        profile_refusals=start.refusals,
        refusals=call.refusals,
        profile_error=start.eager_error,
    )


def _pairs(profile: Sequence[Observation], serving: Sequence[Observation]) -> Iterator[tuple[Observation, Observation]]:
    seen: dict[str, int] = {}
    for observation in serving:
        region = observation.region
        of_region = [one for one in profile if one.region == region]
        if of_region:
            index = seen.get(region, 0)
            seen[region] = index + 1
            yield of_region[min(index, len(of_region) - 1)], observation


def _differences(profile: Observation, serving: Observation) -> Iterator[Difference]:
    yield from structure.differences(profile.inputs, serving.inputs, region=serving.region)
    yield from ambient.differences(profile.ambient, serving.ambient, region=serving.region)


def _violated(profile: Observation, serving: Observation) -> Iterator[ViolatedGuard]:
    same = graphs.are_same(profile.graphs, serving.graphs)
    for guard in serving.violated_guards:
        yield dataclasses.replace(guard, matters=_matters(guard, same))


def _derived(profile: Observation, serving: Observation) -> bool:
    """Does a result have a gradient at serving only?"""
    return _has_gradient(serving.output) and not _has_gradient(profile.output)


def _has_gradient(node: Node | None) -> bool:
    if isinstance(node, ContainerNode):
        return any(_has_gradient(child) for _, child in node.children)
    return isinstance(node, TensorNode) and node.spec.requires_grad


def _matters(guard: ViolatedGuard, same_graph: bool | None) -> bool | None:
    if guard.checked is Checked.NEVER:
        return None  # the same graph answered, whether it was the right one or not
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
        recomputes=bool(different) and all(change.recomputes for change in different),
    )


def _moved(profile: Sequence[Observation], serving: Sequence[Observation]) -> tuple[Move, ...]:
    """Tensors of the module and of global variables that the profile graphs read and that lie elsewhere now."""
    moves: dict[str, Move] = {}
    for observation in serving:
        start = next((one for one in profile if one.region == observation.region), None)
        if start is None:
            continue
        # What the call itself allocated, a captured graph has recorded too.
        recorded = {**dict(start.addresses_after), **dict(start.addresses)}
        read = {name: shown for graph in start.graphs for name, shown in _held_inputs(graph)}
        for when, places in (("before", observation.addresses), ("during", observation.addresses_after)):
            for name, address in places:
                if recorded.get(name, address) == address:
                    continue
                path = _as_path(name)
                if path in read:
                    moves.setdefault(path, Move(read[path], during=when == "during", region=observation.region))
    return tuple(moves.values())


def _held_inputs(graph: Graph) -> Iterator[tuple[str, str]]:
    """(Name in the module or in its globals, name in the code) of each tensor that a graph takes from there."""
    prefix = f"{graph.receiver}."
    for one in graph.inputs:
        if one.name.startswith(prefix):
            yield one.name.removeprefix(prefix), one.name
        if one.source.startswith(GLOBAL):
            yield one.source, one.name


def _handed_from_elsewhere(profile: Sequence[Observation], serving: Sequence[Observation]) -> tuple[Move, ...]:
    """Buffers of the model around a region, handed to it from the same memory in all of several profile calls.

    An argument that start-up has in one place only once may be a result that is kept until the next step.
    """
    moves: dict[str, Move] = {}
    for observation in serving:
        seen: dict[str, list[tuple[str, int]]] = {}
        for start in (one for one in profile if one.region == observation.region):
            for path, name, address in start.handed:
                seen.setdefault(path, []).append((name, address))
        for path, name, address in observation.handed:
            places = seen.get(path, [])
            if len(places) > 1 and len(set(places)) == 1 and places[0][0] == name and places[0][1] != address:
                moves.setdefault(name, Move(name, during=False, region=observation.region))
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
