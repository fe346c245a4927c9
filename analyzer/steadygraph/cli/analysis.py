"""From the options of ``steadygraph analyze`` to its report and exit code."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from steadygraph.case.target import expanded, parse, python_file
from steadygraph.cli import recordings, signals
from steadygraph.cli.conclusion import Plan, Wanted, planned
from steadygraph.cli.progress import Progress
from steadygraph.config import Options, Probing, Settings
from steadygraph.errors import CaseError, UsageError
from steadygraph.errors.files import require_writable
from steadygraph.model import CaseReport, Problem, Recording, Status
from steadygraph.model.environment import environment
from steadygraph.workers import pool
from steadygraph.workers.pool import Request
from steadygraph.workers.worker import failed

#: For one target: those that end in a call of many leave the others to the next.
_MOST_PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Command:
    """The command line of ``steadygraph analyze``."""

    targets: tuple[str, ...]
    case_file: Path | None
    #: A file for the recordings.
    record: Path | None
    #: A file for a program that shows what torch.compile gets wrong.
    write_repro: Path | None
    wanted: Wanted
    progress: bool
    #: Calls that are derived from the profile call are tried, in place of the serving calls.
    probing: Probing | None = None


def run(command: Command) -> int:
    """Analyse, tell the results, and give the exit code."""
    plan = planned(command.wanted)
    asked = requests(command.targets, command.case_file)
    if command.record is not None:
        require_writable(command.record)
    if command.write_repro is not None:
        plan = _writing(plan, command.write_repro, asked)
    if command.case_file is not None:
        python_file(str(command.case_file))
    work = Work(asked)
    with contextlib.ExitStack() as stack:
        if command.probing is not None:
            journals = stack.enter_context(tempfile.TemporaryDirectory(prefix="steadygraph-"))
            probing = replace(command.probing, journal=journals)
            plan = _with(plan, replace(plan.options.settings, probing=probing))
        work.do(plan.options, progress=command.progress, record=command.record is not None, silent=plan.quiet)
    made_on = environment(plan.options.settings.device or "cpu")
    return recordings.concluded(
        plan, work.cases, lambda: work.recordings, made_on, file=command.record, interrupted=work.interrupted
    )


def requests(targets: Sequence[str], case_file: Path | None) -> list[Request]:
    """What is asked for: each target once, those of a folder one by one."""
    named = [one for target in targets for one in expanded(target)]
    # "./case.py" is "case.py" once more.
    found = list({os.path.normpath(target): target for target in reversed(named)}.values())[::-1]
    return [Request(target, case_file) for target in found]


def _writing(plan: Plan, file: Path, targets: Sequence[Request]) -> Plan:
    """The same plan, with a program to be written.

    Raises:
        UsageError: The file cannot be written, or it would be the program of several targets.
    """
    if len(targets) > 1:
        hint = "analyse one target with it"
        raise UsageError(f"--write-repro is one program, and {len(targets)} targets are given", hint=hint)
    require_writable(file)
    return _with(plan, replace(plan.options.settings, write_repro=str(file.absolute())))


def _with(plan: Plan, settings: Settings) -> Plan:
    return replace(plan, options=replace(plan.options, settings=settings))


@dataclass(slots=True)
class Work:
    """The targets, and what became of those that are finished; Ctrl-C, or a signal like it, may come before all are."""

    requests: Sequence[Request]
    finished: dict[int, CaseReport] = field(default_factory=dict)
    recorded: dict[int, Recording] = field(default_factory=dict)
    #: The exit code for what interrupted it; None: nothing did.
    interrupted: int | None = None

    @property
    def cases(self) -> tuple[CaseReport, ...]:
        """In the order of the requests."""
        return tuple(self.finished[index] for index in sorted(self.finished))

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """In the same order; a target that failed has one that says so."""
        return tuple(self.recorded.get(index) or _failed(self.finished[index]) for index in sorted(self.finished))

    def do(self, options: Options, *, progress: bool, record: bool = False, silent: bool = False) -> None:
        """Analyse the targets, each in a process of its own.

        Args:
            options: How.
            progress: Show how far it is.
            record: Keep the recordings, too.
            silent: Hide what targets print.
        """
        waiting = self._usable()
        for _ in range(_MOST_PROCESSES):
            self._run(waiting, options, progress=progress, record=record, silent=silent)
            waiting = [
                index for index in waiting if self.interrupted is None and self._goes_on(index, options.settings)
            ]
            if not waiting:
                return

    def _run(self, usable: Sequence[int], options: Options, *, progress: bool, record: bool, silent: bool) -> None:
        with Progress([self.requests[index].target for index in usable], shown=progress) as shown:

            def done(position: int, report: CaseReport) -> None:
                self.finished[usable[position]] = report
                shown.done(position)

            def recorded(position: int, recording: Recording) -> None:
                self.recorded[usable[position]] = recording

            try:
                for _ in pool.run(
                    [self.requests[index] for index in usable],
                    options.settings,
                    jobs=options.jobs,
                    timeout_s=options.timeout_s,
                    memory_limit_bytes=options.memory_limit_bytes,
                    on_start=shown.start,
                    on_done=done,
                    on_recorded=recorded if record else None,
                    silent=silent,
                ):
                    pass
            except KeyboardInterrupt as interrupt:
                self.interrupted = signals.exit_code(interrupt)

    def _goes_on(self, index: int, settings: Settings) -> bool:
        """Did the process end in one call of many?  Then the others are tried by the next one."""
        journals, report = settings.probing and settings.probing.journal, self.finished.get(index)
        if not journals or report is None or report.error is None or report.status is Status.COMPLETED:
            return False
        from steadygraph.engine.probing import journal

        return journal.has_ended(journal.file_of(Path(journals), report.target), report.error.message)

    def _usable(self) -> list[int]:
        """Requests that name something; the others are finished."""
        usable = []
        for index, request in enumerate(self.requests):
            try:
                parse(request.target)
                usable.append(index)
            except CaseError as error:
                self.finished[index] = failed(request.target, Problem(type(error).__name__, error.problem, error.hint))
        return usable


def _failed(report: CaseReport) -> Recording:
    return Recording(report.target, report.status, report.duration_s, report.error)
