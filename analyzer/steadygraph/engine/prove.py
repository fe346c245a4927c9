"""The second step: what each deployment does with the calls, shown by running them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from steadygraph.case import phase
from steadygraph.compare.evidence import evidence
from steadygraph.model import PROFILE, Checked, Consequence, Outcome, Policy, RecordedCall, Recording, Result
from steadygraph.model.evidence import worst_of
from steadygraph.policies import blame, capture
from steadygraph.policies.backends import AOT_EAGER
from steadygraph.policies.bench import Bench
from steadygraph.policies.blame import Blamed
from steadygraph.policies.cuda_graph import CudaGraph
from steadygraph.policies.deployment import Deployment
from steadygraph.policies.drop import Drop
from steadygraph.policies.filtered import TORCHS_OWN, Filtered, GuardsSkipped
from steadygraph.policies.guard_budget import GuardBudget, Plan, planned
from steadygraph.policies.recompile import Recompile
from steadygraph.policies.runs import EAGER
from steadygraph.policies.shapes_only import ShapesOnly

#: In the order in which reports show them.
DEPLOYMENTS: tuple[Deployment, ...] = (
    *(Recompile(), Drop(), GuardBudget(), ShapesOnly(), CudaGraph()),
    *(Filtered(policy) for policy in TORCHS_OWN),
    GuardsSkipped(),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Proved:
    """A recording with its outcomes, and a program that shows the first fault of torch.compile, if there is one."""

    recording: Recording
    program: str | None


def deployments(policies: Collection[Policy]) -> Iterator[Deployment]:
    """Those of these policies, in the order in which reports show them."""
    return (one for one in DEPLOYMENTS if one.policy in policies)


def prove(recording: Recording, bench: Bench, policies: Collection[Policy], backends: Sequence[str]) -> Proved:
    """The recording with the outcomes of every call under these policies.

    Args:
        recording: What was observed.
        bench: What it left behind.
        policies: The deployments to judge.
        backends: What proves those that run captured graphs.
    """
    obstacles = capture.obstacles(bench, recording.profile.syncs) if Policy.CUDA_GRAPH in policies else ()
    bench = dataclasses.replace(bench, obstacles=obstacles)
    unasked = tuple(backends) == (EAGER,) and bench.session.runs_otherwise(AOT_EAGER)
    proved: list[Mapping[str, Outcome]] = []
    plan: Plan | None = None
    for deployment in deployments(policies):
        if isinstance(deployment, GuardBudget):
            with phase.step("choosing guards"):
                plan = _planned(recording, bench, proved)
            deployment = GuardBudget(plan)
        for backend in deployment.backends(backends):
            proved.append(_outcomes(bench, deployment, backend, unasked=unasked))
    shown = _by_call(recording, proved)
    failed = obstacles if any(_fails_to_capture(outcomes[PROFILE]) for outcomes in proved) else ()
    with phase.step("explaining"):
        blamed = _blamed(recording, bench, shown)
    calls = [
        dataclasses.replace(
            call,
            outcomes=_as_deployed(call, shown[call.name]),
            syncs=capture.marked(call.syncs, failed),
            fault=blamed[call.name].fault if call.name in blamed else None,
        )
        for call in recording.calls
    ]
    program = next((one.program for one in blamed.values() if one.program is not None), None)
    notes = (*recording.notes, *bench.remarks())
    budget = None if plan is None else plan.budget(_of(Policy.BUDGET, shown))
    return Proved(dataclasses.replace(recording, calls=tuple(calls), notes=notes, budget=budget), program)


def _planned(recording: Recording, bench: Bench, proved: Sequence[Mapping[str, Outcome]]) -> Plan:
    """Which guards are to be kept, by what the calls do without any and with all; what could not be shown counts."""
    outcomes = _by_call(recording, proved)
    calls = tuple(dataclasses.replace(call, outcomes=outcomes[call.name]) for call in recording.calls)
    found = evidence(dataclasses.replace(recording, calls=calls))
    return planned(bench, {one.scenario: one.outcomes for one in found})


def _by_call(recording: Recording, proved: Sequence[Mapping[str, Outcome]]) -> dict[str, tuple[Outcome, ...]]:
    return {call.name: tuple(outcomes[call.name] for outcomes in proved) for call in recording.calls}


def _of(policy: Policy, outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, tuple[Outcome, ...]]:
    return {call: tuple(one for one in found if one.policy is policy) for call, found in outcomes.items()}


def unproved(recording: Recording, policies: Collection[Policy], backends: Sequence[str]) -> Proved:
    """The recording of a profile call that cannot run: it raises under every policy, and no scenario comes after it.

    Args:
        recording: What was observed.
        policies: The deployments to judge.
        backends: How those that run captured graphs would be proved.
    """
    profile = recording.profile
    error = profile.eager_error or profile.refusals[0].error
    columns = [(one.policy, backend) for one in deployments(policies) for backend in one.backends(backends)]

    def outcomes(call: str) -> tuple[Outcome, ...]:
        result, said = (Result.RAISES, "") if call == PROFILE else (Result.UNPROVED, "the profile call raises ")
        return tuple(Outcome(policy, backend, result, error=f"{said}{error}") for policy, backend in columns)

    calls = tuple(dataclasses.replace(call, outcomes=outcomes(call.name)) for call in recording.calls)
    return Proved(dataclasses.replace(recording, calls=calls), program=None)


def _as_deployed(call: RecordedCall, outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """What torch.compile refuses raises, whatever the call does without what was waived."""
    if not call.refusals:
        return tuple(outcomes)
    error = str(call.refusals[0].error)
    return tuple(Outcome(one.policy, one.backend, Result.RAISES, error=error) for one in outcomes)


def _fails_to_capture(profile: Outcome) -> bool:
    return profile.policy is Policy.CUDA_GRAPH and profile.consequence is Consequence.RAISES


def _blamed(recording: Recording, bench: Bench, outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, Blamed]:
    """The calls that torch.compile gets wrong by themselves; what eager mode cannot do is no fault of its."""
    found = {}
    for call in recording.calls:
        explained = call.eager_error is not None or _drops_its_guards(call)
        wrong = () if explained else blame.suspects(outcomes[call.name], call.name)
        blamed = blame.blame(bench, call.name, wrong) if wrong else None
        if blamed is not None:
            found[call.name] = blamed
    return found


def _drops_its_guards(call: RecordedCall) -> bool:
    """Was there a guard, which the options of the model's own torch.compile have nobody look at?"""
    return any(guard.checked is Checked.NEVER for one in call.observations for guard in one.violated_guards)


def _outcomes(bench: Bench, deployment: Deployment, backend: str, *, unasked: bool) -> Mapping[str, Outcome]:
    """What this back end shows; where only the eager one was asked for, what functional graphs do if that is worse."""
    with phase.step(f"proving {deployment.policy}"):
        shown = deployment.outcomes(bench, backend)
        if not (unasked and backend == EAGER):
            return shown
        below = deployment.outcomes(bench, AOT_EAGER)
    return {name: _worse(outcome, below[name]) for name, outcome in shown.items()}


def _worse(shown: Outcome, below: Outcome) -> Outcome:
    worst = worst_of((shown.consequence, below.consequence))
    if worst is shown.consequence:
        return shown
    return dataclasses.replace(below, backend=shown.backend, shown_by=below.backend)
