"""What was seen of a process so far, as the recording that rules judge."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from steadygraph.compare.structure import summary
from steadygraph.engine.regions import compiled_region
from steadygraph.live import NOTHING
from steadygraph.live.region import LiveRegion
from steadygraph.live.scenario import Scenario
from steadygraph.model import (
    PROFILE,
    Checked,
    CompiledBy,
    ContainerNode,
    Observation,
    Outcome,
    Policy,
    RecordedCall,
    Recording,
    Region,
    Result,
    Seen,
    Status,
)
from steadygraph.report.portable import withheld
from steadygraph.torch_private import untried

_PREDICTED = "outcomes are predicted, and recompilations counted: nothing was run beside the process to prove them"
_MOST_ARGUMENTS = 4
_LONGEST = 160


def recording(
    regions: Sequence[LiveRegion],
    *,
    target: str,
    duration_s: float = 0.0,
    notes: Sequence[str] = (),
    scenarios: Sequence[Scenario] | None = None,
) -> Recording:
    """The recording of regions.

    Args:
        regions: All of them, or some.
        target: What was watched.
        duration_s: For how long.
        notes: What could not be observed, a sentence each.
        scenarios: Those of the serving calls that are wanted; None: all.
    """
    seen = [region for region in regions if region.profiled]
    profile = tuple(one for region in seen for one in region.profile)
    made = Recording(
        target=target,
        status=Status.COMPLETED,
        duration_s=duration_s,
        regions=tuple(_region(region) for region in seen),
        calls=(_profile(seen, profile), *_calls(seen, scenarios)),
        notes=(*([_PREDICTED] if seen else [NOTHING]), *_notes(regions), *notes, *filter(None, [untried()])),
    )
    return withheld(made)


def _region(region: LiveRegion) -> Region:
    return dataclasses.replace(compiled_region(region.watched, region.profile), compiled_by=CompiledBy.FRAMEWORK)


def _profile(regions: Sequence[LiveRegion], observations: tuple[Observation, ...]) -> RecordedCall:
    """The first calls of all regions: whoever called them, they are what the process has compiled for."""
    times = [region.profile_calls.seen for region in regions]
    seen = Seen(sum(t.calls for t in times), min(t.first for t in times), max(t.last for t in times)) if times else None
    arguments = observations[0].inputs if observations else ContainerNode("call", ())
    return RecordedCall(PROFILE, arguments, observations, seen=seen)


def _calls(regions: Sequence[LiveRegion], wanted: Sequence[Scenario] | None) -> Iterator[RecordedCall]:
    found = [(region, one) for region in regions for one in region.observed() if wanted is None or one in wanted]
    for region, scenario in sorted(found, key=lambda pair: _number(pair[1])):
        observation = scenario.observation
        assert observation is not None
        yield RecordedCall(
            scenario.name,
            observation.inputs,
            (observation,),
            outcomes=tuple(_outcomes(region, observation)),
            seen=scenario.seen,
        )


def _number(scenario: Scenario) -> int:
    return int(scenario.name.rpartition("-")[2])


def _outcomes(region: LiveRegion, observation: Observation) -> Iterator[Outcome]:
    """What its own torch.compile does with guards is the deployment's policy."""
    error = None if observation.error is None else str(observation.error)
    unasked = any(guard.checked is Checked.BY_POLICY for guard in observation.violated_guards)
    if region.drops or unasked:
        yield Outcome(Policy.DROP, region.backend, Result.UNPROVED, error=error)
    if observation.recompiles:
        yield Outcome(
            Policy.RECOMPILE, region.backend, Result.RECOMPILES, recompiles=observation.recompiles, error=error
        )
    elif not (region.drops or unasked):
        yield Outcome(Policy.RECOMPILE, region.backend, Result.UNPROVED, recompiles=0, error=error)


def _notes(regions: Sequence[LiveRegion]) -> Iterator[str]:
    for region in regions:
        for scenario in region.observed():
            yield f"{scenario.name}: {_counted(scenario.seen)} of {region.shown}: {_arguments(scenario)}"
            if scenario.note:
                yield f"{scenario.name}: {scenario.note}"
        if region.beyond.calls:
            yield f"{region.shown}: {_counted(region.beyond.seen)} of further structures were counted and not looked at"
        if region.given_up:
            yield f"{region.shown} is no longer watched: {region.given_up}"


def _counted(seen: Seen) -> str:
    calls = "1 call" if seen.calls == 1 else f"{seen.calls:,} calls"
    return f"{calls} at {seen.first}" if seen.calls == 1 else f"{calls} from {seen.first} to {seen.last}"


def _arguments(scenario: Scenario) -> str:
    """The arguments of its first call, with the sizes that they had."""
    assert scenario.observation is not None
    inputs = scenario.observation.inputs
    children = inputs.children if isinstance(inputs, ContainerNode) else ()
    told = [f"{name} {summary(node)}" for name, node in children[:_MOST_ARGUMENTS]]
    more = [f"{len(children) - len(told)} more"] if len(children) > len(told) else []
    return ", ".join([*told, *more])[:_LONGEST] or "no arguments"
