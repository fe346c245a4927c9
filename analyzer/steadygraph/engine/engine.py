"""One case, from the model to the findings: record, prove, judge."""

from __future__ import annotations

import dataclasses
import time

from steadygraph import torch_private
from steadygraph.case.case import Case, serving_calls
from steadygraph.config import Settings
from steadygraph.engine.judge import judge
from steadygraph.engine.notes import notes
from steadygraph.engine.prove import prove
from steadygraph.engine.record import recorded
from steadygraph.engine.subject import backends, device, prepared, wanted_device
from steadygraph.model import PROFILE, CaseReport, Outcome, Policy, Recording, Result, ScenarioReport, Status
from steadygraph.observe.state import process
from steadygraph.policies.runs import EAGER
from steadygraph.rule import allow
from steadygraph.rule.packs import load_packs, selection


def analyze_case(case: Case, settings: Settings) -> CaseReport:
    """Analyse one case in this process and leave the process as it was.

    Raises:
        CaseError: The case cannot be used as it is.
        TargetError: The analysed code failed: building the model, or its profile call.
        TorchSupportError: The installed torch lacks what is needed.
    """
    return analyzed(case, settings)[0]


def analyzed(case: Case, settings: Settings) -> tuple[CaseReport, Recording]:
    """The same report, and the recording that it was judged by."""
    started = time.perf_counter()
    packs = load_packs()
    chosen = selection(packs, settings.select, settings.ignore)
    recording = record(case, settings)
    report = judge(recording, packs, chosen, selected=bool(settings.select))
    duration_s = round(time.perf_counter() - started, 3)
    return dataclasses.replace(report, duration_s=duration_s), dataclasses.replace(recording, duration_s=duration_s)


def record(case: Case, settings: Settings) -> Recording:
    """All that can be observed of a case, and what each deployment does with it.

    Raises:
        CaseError, TargetError, TorchSupportError: As :func:`analyze_case` does.
    """
    torch_private.require()
    with prepared(case, settings) as subject:
        arguments = subject.arguments()
        # What it accepts is read by the rules' own words: better now than when the work is done.
        if subject.case.allow:
            allow.allowances(subject.case.allow, list(arguments), load_packs(), label=subject.case.named("ALLOW"))
        with recorded(subject, arguments) as (recording, bench, eager):
            recording = prove(recording, bench, policies(case, settings), subject.backends)
    return dataclasses.replace(recording, notes=(*notes(subject, recording, eager), *recording.notes))


def outline(case: Case, settings: Settings) -> CaseReport:
    """What :func:`analyze_case` would judge: scenarios and their outcomes, none of them proved, and nothing run.

    Raises:
        CaseError: The case cannot be used as it is.
        TargetError: ``serving()`` raised.
    """
    with process.preserved(), device(wanted_device(case, settings), case, settings) as simulation:
        process.seeded(0)
        names = (PROFILE, *serving_calls(case))
    judged = [
        Outcome(policy, backend, Result.UNPROVED)
        for policy in policies(case, settings)
        for backend in (backends(settings, simulation) if policy is Policy.DROP else (EAGER,))
    ]
    scenarios = tuple(ScenarioReport(name, outcomes=tuple(judged)) for name in names)
    return CaseReport(case.target, Status.COMPLETED, 0.0, scenarios=scenarios)


def policies(case: Case, settings: Settings) -> tuple[Policy, ...]:
    """The deployments that are judged."""
    if settings.policies:
        return settings.policies
    usual = (Policy.RECOMPILE, Policy.DROP)
    return (*usual, Policy.CUDA_GRAPH) if case.cuda_graph else usual
