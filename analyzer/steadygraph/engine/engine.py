"""One case, from the model to the findings: record, prove, judge."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from steadygraph import torch_private
from steadygraph.case.case import Case, serving_calls
from steadygraph.case.user_code import readable_path
from steadygraph.config import Settings
from steadygraph.engine.judge import judge
from steadygraph.engine.notes import notes
from steadygraph.engine.prove import deployments, prove, unproved
from steadygraph.engine.record import profile_error, recorded
from steadygraph.engine.subject import backends, device, policies, prepared, wanted_device
from steadygraph.errors import UsageError, files
from steadygraph.model import PROFILE, CaseReport, Consequence, Outcome, Recording, Result, ScenarioReport, Status
from steadygraph.observe.state import process
from steadygraph.redaction.text import without_secrets
from steadygraph.report.portable import withheld
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
    return observed_and_judged(record, case, settings)


def observed_and_judged(
    record: Callable[[Case, Settings], Recording], case: Case, settings: Settings
) -> tuple[CaseReport, Recording]:
    """A recording that is made now, and what the rules that were asked for say of it."""
    started = time.perf_counter()
    packs = load_packs()
    chosen = selection(packs, settings.select, settings.ignore)
    recording = record(case, settings)
    report = judge(recording, packs, chosen, selected=bool(settings.select))
    require_explained(recording, report)
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
            proving = unproved if bench is None else functools.partial(prove, bench=bench)
            proved = proving(recording, policies=subject.policies, backends=subject.backends)
    found = (
        *notes(subject, proved.recording, eager),
        *proved.recording.notes,
        *_written(proved.program, settings.write_repro),
    )
    return withheld(dataclasses.replace(proved.recording, notes=found))


def _written(program: str | None, file: str | None) -> Iterator[str]:
    """Write the program that shows a fault, if it is wanted, and say so.

    Raises:
        UsageError: The file cannot be written.
    """
    if file is None:
        return
    shown = readable_path(file)
    if program is None:
        yield f"{shown} was not written: torch.compile gets nothing wrong by itself that a program can show"
        return
    try:
        files.write(Path(file), without_secrets(program))
    except OSError as error:
        hint = "free some space, or choose another path with --write-repro"
        raise UsageError(f"cannot write the program {shown}: {error.strerror}", hint=hint) from error
    yield f"{shown} shows what torch.compile gets wrong: run it, and report it to PyTorch"


def require_explained(recording: Recording, report: CaseReport) -> None:
    """A profile call that raises is a finding where a rule says why; otherwise the target failed."""
    if any(one.scenario == PROFILE and one.consequence is Consequence.RAISES for one in report.findings):
        return
    profile = recording.profile
    if profile.eager_error is not None:
        raise profile_error(profile.eager_error, "in eager mode")
    for refusal in profile.refusals:
        raise profile_error(refusal.error, "under torch.compile")


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
        Outcome(deployment.policy, backend, Result.UNPROVED)
        for deployment in deployments(policies(case, settings))
        for backend in deployment.backends(backends(settings, simulation))
    ]
    scenarios = tuple(ScenarioReport(name, outcomes=tuple(judged)) for name in names)
    return CaseReport(case.target, Status.COMPLETED, 0.0, scenarios=scenarios)
