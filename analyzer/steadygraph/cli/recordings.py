"""Recordings in files: kept by ``analyze --record``, judged by ``steadygraph judge``."""

from __future__ import annotations

from pathlib import Path

from steadygraph.cli.conclusion import Plan, Wanted, planned
from steadygraph.cli.reading import STANDARD_INPUT
from steadygraph.errors import SteadygraphError, UsageError
from steadygraph.errors.files import write
from steadygraph.model import CaseReport, Problem, Recording, RunRecording, Status
from steadygraph.model.run import EXIT_INTERRUPTED


def store(run: RunRecording, file: Path) -> None:
    """Write recordings to a file, whole or not at all.

    Raises:
        UsageError: It could not be written.
    """
    from steadygraph.report.json import recordings

    try:
        write(file, recordings.to_json(run))
    except OSError as error:
        hint = "free some space, or choose another path with --record"
        raise UsageError(f"cannot write the recording {file}: {error.strerror}", hint=hint) from error


def judged(file: str, wanted: Wanted) -> int:
    """Judge the recordings of a file or of standard input, tell the results, and give the exit code."""
    from steadygraph.report.json import recordings

    plan = planned(wanted)
    run = recordings.piped() if file == STANDARD_INPUT else recordings.read(Path(file))
    cases = [_judged(recording, plan) for recording in run.recordings]
    return plan.conclude(cases, run.environment, interrupted=EXIT_INTERRUPTED if run.interrupted else None)


def _judged(recording: Recording, plan: Plan) -> CaseReport:
    from steadygraph.engine.judge import judge

    try:
        return judge(recording, plan.packs, plan.chosen, selected=bool(plan.options.settings.select))
    except SteadygraphError as error:  # what the case accepts names a scenario that is not there
        problem = Problem(type(error).__name__, error.problem, error.hint)
        return CaseReport(recording.target, Status.FAILED, recording.duration_s, problem)
