"""The plugin's part of a test session: what was asked for, what was found out, and what is written at the end."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from steadygraph.errors import TargetError, UsageError
from steadygraph.errors.files import write
from steadygraph.history import baseline
from steadygraph.model import CaseReport, Policy, Problem, Status
from steadygraph.model.environment import environment
from steadygraph.model.run import RunReport
from steadygraph.report import folder
from steadygraph.report.portable import portable
from steadygraph.testing.options import chosen
from steadygraph.testing.results import Results
from steadygraph.workers import memory, pool
from steadygraph.workers.order import Analyze
from steadygraph.workers.pool import Request
from steadygraph.workers.worker import failed


class Session:
    """One for each process of pytest.

    Args:
        config: That of the process.

    Raises:
        UsageError: The options mean nothing.
    """

    def __init__(self, config: pytest.Config) -> None:
        #: Where a worker of xdist puts what the session is to know; None in the session's own process.
        self._output: dict[str, object] | None = getattr(config, "workeroutput", None)
        self.options = chosen(config, writes=not hasattr(config, "workerinput"))
        self.is_worker = hasattr(config, "workerinput")
        self.results = Results()
        #: By target and policies: two tests may ask about one case.
        self._analyzed: dict[tuple[str, tuple[Policy, ...] | None], CaseReport] = {}
        self._interrupted = False
        #: What went wrong at the end: something could not be written, or the baseline is that of another project.
        self.problems: list[str] = []

    def takes(self, file: Path) -> bool:
        return self.options.takes(file)

    def elsewhere(self, args: Sequence[str]) -> list[str]:
        """The case files that the configuration names and that lie in none of the places where pytest looks."""
        places = [Path(os.path.normpath(os.path.join(self.options.root, each.partition("::")[0]))) for each in args]
        return sorted(str(file) for file in self.options.cases if not any(map(file.is_relative_to, places)))

    def name_of(self, file: Path) -> str:
        """A case file as the report names it: relative to the root of the session where it lies below it."""
        return str(file.relative_to(self.options.root)) if file.is_relative_to(self.options.root) else str(file)

    def analyzed(self, target: str, name: str, policies: tuple[Policy, ...] | None = None) -> CaseReport:
        """The report of a target: analysed in a process of its own when somebody first asks, once in this session.

        Args:
            target: As the command line takes it; files by their absolute path.
            name: What the report calls it.
            policies: Deployments to judge, in place of those of the session.
        """
        asked = target, policies
        if asked not in self._analyzed:
            self._analyzed[asked] = self._in_time(target, policies)
        return self.kept(self._analyzed[asked], name)

    def isolated(
        self, target: str, *, policies: tuple[Policy, ...] | None = None, analyze: Analyze | None = None
    ) -> CaseReport:
        """The report of a target from a process of its own.

        Args:
            target: As the command line takes it; files by their absolute path.
            policies: Deployments to judge, in place of those of the session.
            analyze: The engine, in place of the whole analysis.
        """
        settings = self.options.settings
        if policies is not None:
            settings = dataclasses.replace(settings, policies=policies)
        memory_limit_bytes = self.options.memory_limit_bytes
        if memory_limit_bytes is None:
            # The workers of xdist analyse at the same time.
            memory_limit_bytes = memory.share_bytes(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
        (found,) = pool.run(
            [Request(target)],
            settings,
            timeout_s=self.options.timeout_s,
            memory_limit_bytes=memory_limit_bytes,
            analyze=analyze,
        )
        return found

    def _in_time(self, target: str, policies: tuple[Policy, ...] | None) -> CaseReport:
        try:
            return self.isolated(target, policies=policies)
        except pytest.fail.Exception as stop:
            # Such as pytest-timeout's: the other tests of this case need not wait as long again.
            problem = Problem(TargetError.__name__, f"the analysis was stopped: {stop}")
            return failed(target, problem, status=Status.TIMED_OUT)

    def name_for(self, item: pytest.Item) -> str:
        """What the report calls the next case of a test: its node id, numbered from the second case on."""
        # Where groups are kept together, xdist writes the group behind the node id.
        return self.results.free(
            item.nodeid.partition("@")[0] if item.get_closest_marker("xdist_group") else item.nodeid
        )

    def kept(self, case: CaseReport, name: str) -> CaseReport:
        """A report under this name, which belongs to the session from now on."""
        named = dataclasses.replace(case, target=name)
        self.results.put(named)
        return named

    def accepted(self, case: CaseReport) -> CaseReport:
        """The case as the baseline has it; all of it is accepted where the baseline is brought up to date."""
        known = self.options.known
        one = RunReport((case,), environment=environment(), fail_on=self.options.fail_on)
        if self.options.update:
            known = baseline.updated(known, one, all_rules=self.options.all_rules)
        (target,) = (each.target for each in portable(one).report.cases)
        if target not in known.cases:
            return case
        return baseline.applied(known, one, all_rules=self.options.all_rules).cases[0]

    def report(self) -> RunReport:
        """The report of the whole session, its cases by name, as the baseline has it."""
        cases = tuple(self.accepted(case) for case in self.results.cases())
        device = self.options.settings.device or "cpu"
        return RunReport(
            cases, environment=environment(device), fail_on=self.options.fail_on, interrupted=self._interrupted
        )

    def take_in(self, found: object) -> None:
        """Add what a worker of xdist found out, as it came from there: code of users ran in that process."""
        try:
            self.results.take_in(found if isinstance(found, str) else "")
        except UsageError as error:
            self.problems.append(f"what a worker of pytest-xdist found is lost: {error.problem}")

    def finish(self, *, interrupted: bool = False) -> None:
        """Hand the results to the session's own process, or write there what was asked for."""
        self._interrupted = interrupted
        if self.is_worker:
            if self._output is not None:
                self._output["steadygraph"] = self.results.given()
            return
        if not self.results.cases():
            return
        for step in (self._require_own_baseline, self._write_baseline, self._write_report):
            try:
                step()
            except UsageError as error:
                self.problems.append(str(error))

    def _write_report(self) -> None:
        if self.options.report is not None:
            folder.store(self.report(), self.options.report)

    def _require_own_baseline(self) -> None:
        """A baseline that knows none of the case files belongs to another project, or to another directory."""
        files = tuple(case for case in self.results.cases() if "::" not in case.target)
        if files and not self.options.update:
            baseline.applied(self.options.known, RunReport(files, environment={}))

    def _write_baseline(self) -> None:
        file = self.options.baseline
        if file is None or not self.options.update or self._interrupted:
            return
        found = RunReport(tuple(self.results.cases()), environment=environment())
        accepted = baseline.updated(self.options.known, found, all_rules=self.options.all_rules)
        try:
            write(file, baseline.written(accepted))
        except OSError as error:
            hint = "choose another path with --steadygraph-baseline"
            raise UsageError(f"cannot write the baseline {file}: {error.strerror}", hint=hint) from error
