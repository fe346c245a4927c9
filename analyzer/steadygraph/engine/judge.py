"""The third step: what the rules say of a recording.  Needs no torch and takes milliseconds, also years later."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from steadygraph.compare.evidence import evidence
from steadygraph.model import (
    CaseReport,
    Evidence,
    Finding,
    Graph,
    Observation,
    RecordedCall,
    Recording,
    RegionCall,
    ScenarioReport,
    Severity,
    Status,
)
from steadygraph.observe.places import excerpts
from steadygraph.rule import allow
from steadygraph.rule.allow import Allowance
from steadygraph.rule.judge import judge_all, problems
from steadygraph.rule.packs import LoadedRules, Selection


def judge(recording: Recording, packs: LoadedRules, chosen: Selection, *, selected: bool = False) -> CaseReport:
    """The report of a recording.

    Args:
        recording: What was observed and proved.
        packs: All rules; what the case accepts may name any of them.
        chosen: Those that are asked.
        selected: Were they chosen by the user?  Then one that fails is an error.

    Raises:
        CaseError: The case accepts findings of a scenario that does not exist.
    """
    if recording.status is not Status.COMPLETED:
        return CaseReport(recording.target, recording.status, recording.duration_s, recording.error)
    allowances = allowed(recording, packs)
    found = evidence(recording)
    judgement = judge_all(found, chosen.rules)
    missing = (*chosen.problems, *problems(judgement.failed, selected=selected))
    asked = {rule.code for rule in chosen.rules} - {failure.rule for failure in judgement.failed}
    return CaseReport(
        target=recording.target,
        status=recording.status,
        duration_s=recording.duration_s,
        regions=recording.regions,
        scenarios=tuple(map(_scenario, found, recording.calls)),
        findings=allow.applied(_as_probed(judgement.findings, recording), allowances),
        notes=(
            *recording.notes,
            *(problem.message for problem in missing),
            *allow.unused(judgement.findings, allowances, asked),
        ),
        rule_problems=missing,
        graphs=_graphs(found),
        sources=excerpts.around(one.location for one in judgement.findings if one.location is not None),
        location=recording.location,
        device=recording.device,
        sensitivity=recording.sensitivity,
        budget=recording.budget,
    )


def allowed(recording: Recording, packs: LoadedRules) -> tuple[Allowance, ...]:
    """What the case accepts; a rule that was there when it was recorded may be gone.

    Raises:
        CaseError: It names a scenario that does not exist.
    """
    table: dict[str, dict[str, str]] = {}
    for one in recording.accepted:
        table.setdefault(one.scenario, {})[one.rule] = one.reason
    names = [call.name for call in recording.calls]
    return allow.allowances(table, names, packs, label=recording.accepted_label, may_be_gone=True)


def _as_probed(findings: Sequence[Finding], recording: Recording) -> tuple[Finding, ...]:
    """The same, notes where nobody says that the deployment makes such a call."""
    if recording.sensitivity is None:
        return tuple(findings)
    mere = {one.probe.name for one in recording.sensitivity.probes if not one.declared}
    return tuple(dataclasses.replace(one, severity=Severity.NOTE) if one.scenario in mere else one for one in findings)


def _scenario(evidence: Evidence, call: RecordedCall) -> ScenarioReport:
    return ScenarioReport(
        name=evidence.scenario,
        differences=evidence.differences,
        violated_guards=evidence.violated_guards,
        graph=evidence.graph,
        outcomes=evidence.outcomes,
        eager_error=evidence.eager_error,
        leak=evidence.leak,
        wrong_in_eager=evidence.wrong_in_eager,
        calls=tuple(_call(observation) for observation in evidence.serving),
        seen=call.seen,
    )


def _graphs(evidence: Sequence[Evidence]) -> tuple[Graph, ...]:
    """Every graph that ran, once."""
    ran = (graph for one in evidence for observation in one.serving for graph in observation.graphs)
    return tuple({graph.digest: graph for graph in ran}.values())


def _call(observation: Observation) -> RegionCall:
    types = Counter(guard.guard_type for guard in observation.guards)
    return RegionCall(
        region=observation.region,
        graphs=tuple(graph.digest for graph in observation.graphs),
        guards=observation.guards_digest,
        guard_types=tuple(sorted(types.items())),
    )
