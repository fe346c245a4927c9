"""From the options of ``steadygraph budget`` to its tables, its file and its exit code."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steadygraph import config
from steadygraph.case.target import python_file
from steadygraph.cli import streams
from steadygraph.cli.analysis import Work, requests
from steadygraph.cli.results import screen
from steadygraph.errors import UsageError
from steadygraph.errors.files import require_writable, write
from steadygraph.model import CaseReport, Policy
from steadygraph.model.environment import environment
from steadygraph.model.run import EXIT_FINDINGS, EXIT_OK, RunReport
from steadygraph.report.portable import portable

_TORCHS_OWN = tuple(policy for policy in Policy if policy.value.endswith("_unsafe"))


@dataclass(frozen=True, slots=True)
class Command:
    """The command line of ``steadygraph budget``."""

    targets: tuple[str, ...]
    case_file: Path | None
    #: A file for the budgets.
    output: Path | None
    #: Options of the analysis by name; None where they are absent.
    given: Mapping[str, object]
    torch_filters: bool
    json: bool
    progress: bool


def run(command: Command) -> int:
    """Find the guards worth keeping, tell them, and give the exit code."""
    given = {name: value for name, value in command.given.items() if value not in (None, [])}
    options = config.options({**config.from_file(Path.cwd()), **config.checked(given)})
    policies = _TORCHS_OWN if command.torch_filters else ()
    settings = dataclasses.replace(options.settings, policies=(Policy.BUDGET, *policies))
    if command.output is not None:
        require_writable(command.output)
    if command.case_file is not None:
        python_file(str(command.case_file))
    work = Work(requests(command.targets, command.case_file))
    work.do(dataclasses.replace(options, settings=settings), progress=command.progress)
    report = RunReport(work.cases, environment=environment(settings.device or "cpu"), fail_on="never")
    _tell(report, command)
    return work.interrupted or report.exit_code or _exit_code(report)


def _exit_code(report: RunReport) -> int:
    unprotected = any(case.budget is not None and case.budget.unprotected for case in report.cases)
    return EXIT_FINDINGS if unprotected else EXIT_OK


def _tell(report: RunReport, command: Command) -> None:
    """Print the tables or the JSON, and write the file.

    Raises:
        UsageError: The file could not be written.
    """
    from steadygraph.report.text.budgets import render

    clean = portable(report).report
    text = _as_json(report) if command.json or command.output is not None else ""
    streams.emit(text if command.json else screen(lambda width, color: render(clean, width=width, color=color)))
    for case in clean.cases if command.json else ():
        _tell_failure(case)
    if command.output is not None:
        try:
            write(command.output, text)
        except OSError as error:
            hint = "free some space, or choose another path with --output"
            raise UsageError(f"cannot write the budget {command.output}: {error.strerror}", hint=hint) from error


def _tell_failure(case: CaseReport) -> None:
    if case.error is not None:
        streams.error(f"{case.target}: {case.error.message}", case.error.hint)


def _as_json(report: RunReport) -> str:
    from steadygraph.report.json import budgets

    found = {case.target: case.budget for case in report.cases if case.budget is not None}
    return budgets.to_json(found, tool_version=report.tool_version, environment=report.environment)
