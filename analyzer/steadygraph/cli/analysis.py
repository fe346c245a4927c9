"""From the options of ``steadygraph analyze`` to its report and exit code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from steadygraph import config
from steadygraph.case.target import parse, python_file
from steadygraph.cli import streams
from steadygraph.cli.progress import Progress
from steadygraph.cli.ratchet import opened
from steadygraph.cli.results import Destination, tell
from steadygraph.errors import CaseError, UsageError
from steadygraph.model import CaseReport, Problem, RuleProblem
from steadygraph.model.environment import environment
from steadygraph.model.run import EXIT_USAGE, FailOn, RunReport
from steadygraph.rule.packs import load_packs, selection
from steadygraph.workers import pool
from steadygraph.workers.pool import Request
from steadygraph.workers.worker import failed


@dataclass(frozen=True, slots=True)
class Command:
    """The command line of ``steadygraph analyze``; ``given`` holds options by name, None where they are absent."""

    targets: tuple[str, ...]
    case_file: Path | None
    given: Mapping[str, object]
    output: Path | None
    quiet: bool
    verbose: bool
    progress: bool
    update_baseline: bool = False
    lock: bool = False


def run(command: Command) -> int:
    """Analyse, tell the results, and give the exit code."""
    if command.quiet and command.verbose:
        raise UsageError("--quiet and --verbose contradict each other", hint="give one of them")
    options = _options(command)
    missing = _missing_packs(options.settings)
    _tell_rule_problems(missing, quiet=command.quiet)
    folder = None if options.report is None else Path(options.report)
    destination = Destination(options.format, command.output, folder, quiet=command.quiet, verbose=command.verbose)
    destination.require()
    all_rules = not (options.settings.select or options.settings.ignore)
    ratchet = opened(options.baseline, update=command.update_baseline, lock=command.lock, all_rules=all_rules)
    if command.case_file is not None:
        python_file(str(command.case_file))
    # "./case.py" is "case.py" once more.
    targets = {os.path.normpath(target): target for target in reversed(command.targets)}
    requests = [Request(target, command.case_file) for target in reversed(targets.values())]
    cases, interrupted = _analyzed(requests, options, command)
    report = RunReport(
        cases,
        environment=environment(options.settings.device or "cpu"),
        fail_on=cast(FailOn, options.fail_on),
        interrupted=interrupted,
    )
    for case in cases:
        failed_rules = [problem for problem in case.rule_problems if problem not in missing]
        _tell_rule_problems(failed_rules, quiet=command.quiet, target=case.target)
    if ratchet is not None:
        report = ratchet.applied(report)
    _tell(report, destination)
    return report.exit_code


def _options(command: Command) -> config.Options:
    given = {name: value for name, value in command.given.items() if value not in (None, [])}
    return config.options({**config.from_file(Path.cwd()), **config.checked(given)})


def _missing_packs(settings: config.Settings) -> tuple[RuleProblem, ...]:
    """Told once for all targets, before anything is analysed; so are unknown codes, by an error."""
    return selection(load_packs(), settings.select, settings.ignore).problems


def _tell_rule_problems(problems: Iterable[RuleProblem], *, quiet: bool, target: str = "") -> None:
    """What the user asked for is an error, and is told even if nothing else is."""
    prefix = f"{target}: " if target else ""
    for problem in problems:
        if problem.selected:
            streams.error(f"{prefix}{problem.message}")
        elif not quiet:
            streams.remark(f"warning: {prefix}{problem.message}")


def _analyzed(
    requests: list[Request], options: config.Options, command: Command
) -> tuple[tuple[CaseReport, ...], bool]:
    """The reports in the order of the requests, and whether Ctrl-C came before all were there."""
    finished: dict[int, CaseReport] = {}
    usable = []
    for index, request in enumerate(requests):
        try:
            parse(request.target)
            usable.append(index)
        except CaseError as error:
            finished[index] = failed(request.target, Problem(type(error).__name__, error.problem, error.hint))
    interrupted = False
    with Progress([requests[index].target for index in usable], shown=command.progress) as progress:

        def done(position: int, report: CaseReport) -> None:
            finished[usable[position]] = report
            progress.done(position)

        try:
            for _ in pool.run(
                [requests[index] for index in usable],
                options.settings,
                jobs=options.jobs,
                timeout_s=options.timeout_s,
                on_start=progress.start,
                on_done=done,
                silent=command.quiet,
            ):
                pass
        except KeyboardInterrupt:
            interrupted = True
    return tuple(finished[index] for index in sorted(finished)), interrupted


def _tell(report: RunReport, destination: Destination) -> None:
    unusable = _all_unusable(report)
    if unusable or not destination.is_text_on_screen:
        _tell_failures(report)
    tell(report, destination, printed=not (unusable and destination.is_text_on_screen))


def _all_unusable(report: RunReport) -> bool:
    """Is there no result at all, because of wrong use?"""
    return all(RunReport((case,)).exit_code == EXIT_USAGE for case in report.cases) and not report.interrupted


def _tell_failures(report: RunReport) -> None:
    for case in report.cases:
        if case.error is not None:
            message = case.error.message
            prefix = "" if message.startswith(case.target) else f"{case.target}: "
            streams.error(f"{prefix}{message}", case.error.hint)
