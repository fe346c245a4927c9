"""What ``analyze`` and ``judge`` have in common: options that are checked before anything runs, and how a run ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from steadygraph import config
from steadygraph.cli import ratchet, streams
from steadygraph.cli.ratchet import Ratchet
from steadygraph.cli.results import Destination, tell
from steadygraph.errors import UsageError
from steadygraph.model import CaseReport, RuleProblem
from steadygraph.model.run import EXIT_INTERRUPTED, EXIT_USAGE, FailOn, InterruptedCode, RunReport
from steadygraph.report.portable import portable
from steadygraph.rule.packs import LoadedRules, Selection, load_packs, selection


@dataclass(frozen=True, slots=True)
class Wanted:
    """How results are wanted; ``given`` holds options by name, None where they are absent."""

    given: Mapping[str, object]
    output: Path | None
    quiet: bool
    verbose: bool
    update_baseline: bool = False
    lock: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Options that hold together, and destinations that can be written to."""

    options: config.Options
    packs: LoadedRules
    chosen: Selection
    destination: Destination
    ratchet: Ratchet | None
    quiet: bool

    def conclude(
        self, cases: Iterable[CaseReport], environment: Mapping[str, str], *, interrupted: int | None = None
    ) -> int:
        """Tell the results, and give the exit code; ``interrupted`` is the one for what interrupted the run."""
        report = RunReport(
            tuple(cases),
            environment=environment,
            fail_on=cast(FailOn, self.options.fail_on),
            interrupted=interrupted is not None,
            interrupted_code=cast(InterruptedCode, interrupted or EXIT_INTERRUPTED),
        )
        for case in report.cases:
            failed_rules = [problem for problem in case.rule_problems if problem not in self.chosen.problems]
            _tell_rule_problems(failed_rules, quiet=self.quiet, target=case.target)
        if self.ratchet is not None:
            report = self.ratchet.applied(report)
        _tell(report, self.destination)
        return report.exit_code


def planned(wanted: Wanted) -> Plan:
    """All that can be found out before anything runs.

    Raises:
        UsageError: An option means nothing, options contradict each other, or a destination cannot be written to.
    """
    if wanted.quiet and wanted.verbose:
        raise UsageError("--quiet and --verbose contradict each other", hint="give one of them")
    given = {name: value for name, value in wanted.given.items() if value not in (None, [])}
    options = config.options({**config.from_file(Path.cwd()), **config.checked(given)})
    packs = load_packs()
    chosen = selection(packs, options.settings.select, options.settings.ignore)
    # Told once for all targets; so are unknown codes, by an error.
    _tell_rule_problems(chosen.problems, quiet=wanted.quiet)
    folder = None if options.report is None else Path(options.report)
    destination = Destination(options.format, wanted.output, folder, quiet=wanted.quiet, verbose=wanted.verbose)
    destination.require()
    all_rules = not (options.settings.select or options.settings.ignore)
    opened = ratchet.opened(options.baseline, update=wanted.update_baseline, lock=wanted.lock, all_rules=all_rules)
    return Plan(options, packs, chosen, destination, opened, wanted.quiet)


def _tell_rule_problems(problems: Iterable[RuleProblem], *, quiet: bool, target: str = "") -> None:
    """What the user asked for is an error, and is told even if nothing else is."""
    prefix = f"{target}: " if target else ""
    for problem in problems:
        if problem.selected:
            streams.error(f"{prefix}{problem.message}")
        elif not quiet:
            streams.remark(f"warning: {prefix}{problem.message}")


def _tell(report: RunReport, destination: Destination) -> None:
    unusable = _all_unusable(report)
    if unusable or not destination.is_text_on_screen:
        _tell_failures(report)
    tell(report, destination, printed=not (unusable and destination.is_text_on_screen))


def _all_unusable(report: RunReport) -> bool:
    """Is there no result at all, because of wrong use?"""
    return all(RunReport((case,)).exit_code == EXIT_USAGE for case in report.cases) and not report.interrupted


def _tell_failures(report: RunReport) -> None:
    for case in portable(report).report.cases:
        if case.error is not None:
            message = case.error.message
            prefix = "" if message.startswith(case.target) else f"{case.target}: "
            streams.error(f"{prefix}{message}", case.error.hint)
