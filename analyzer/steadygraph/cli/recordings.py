"""Recordings in files: kept by ``analyze --record`` and ``run --record``, judged by ``steadygraph judge``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from steadygraph.cli.conclusion import Plan, Wanted, planned
from steadygraph.cli.reading import STANDARD_INPUT
from steadygraph.errors import SteadygraphError, UsageError
from steadygraph.errors.files import write
from steadygraph.model import CaseReport, Problem, Recording, RunRecording, Status
from steadygraph.model.run import EXIT_INTERRUPTED


def concluded(
    plan: Plan,
    cases: Sequence[CaseReport],
    observed: Callable[[], tuple[Recording, ...]],
    made_on: Mapping[str, str],
    *,
    file: Path | None,
    interrupted: int | None,
) -> int:
    """Tell the results, keep the recordings, and give the exit code.

    Args:
        plan: How the results are told.
        cases: The results.
        observed: Gives the recordings, if they are wanted.
        made_on: The environment.
        file: Where the recordings go; None: nowhere.
        interrupted: The exit code of what interrupted the run.
    """
    try:
        return plan.conclude(cases, made_on, interrupted=interrupted)
    finally:  # of two things that cannot be written, neither costs the other
        if file is not None:
            store(RunRecording(observed(), made_on, interrupted=interrupted is not None), file)


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
