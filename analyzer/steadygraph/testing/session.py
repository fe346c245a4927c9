"""The plugin's part of a test session: what was asked for, what was found out, and what is written at the end."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from steadygraph import baseline, isolation
from steadygraph.errors import UsageError
from steadygraph.isolation import Request
from steadygraph.model import CaseReport, Policy
from steadygraph.output import write
from steadygraph.report import folder
from steadygraph.report.document import Report
from steadygraph.report.environment import environment
from steadygraph.report.portable import portable
from steadygraph.testing.options import chosen
from steadygraph.testing.results import Results


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
        #: What could not be written at the end.
        self.problems: list[str] = []

    def takes(self, file: Path) -> bool:
        return self.options.takes(file)

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
        known = self.results.get(name)
        if known is None:
            settings = self.options.settings
            if policies is not None:
                settings = dataclasses.replace(settings, policies=policies)
            (found,) = isolation.run([Request(target)], settings, timeout_s=self.options.timeout_s)
            known = self.kept(found, name)
        return known

    def kept(self, case: CaseReport, name: str) -> CaseReport:
        """A report under this name, which belongs to the session from now on."""
        named = dataclasses.replace(case, target=name)
        self.results.put(named)
        return named

    def accepted(self, case: CaseReport) -> CaseReport:
        """The case as the baseline has it; all of it is accepted where the baseline is brought up to date."""
        known = self.options.known
        one = Report((case,), environment=environment(), fail_on=self.options.fail_on)
        if self.options.update:
            known = baseline.updated(known, one)
        (target,) = (each.target for each in portable(one).cases)
        return baseline.applied(known, one).cases[0] if target in known.cases else case

    def report(self) -> Report:
        """The report of the whole session, its cases by name, as the baseline has it."""
        cases = tuple(self.accepted(case) for case in self.results.cases())
        device = self.options.settings.device or "cpu"
        return Report(cases, environment=environment(device), fail_on=self.options.fail_on)

    def finish(self) -> None:
        """Hand the results to the session's own process, or write there what was asked for."""
        if self.is_worker:
            if self._output is not None:
                self._output["steadygraph"] = self.results.given()
            return
        try:
            self._write_baseline()
            if self.options.report is not None and self.results.cases():
                folder.store(self.report(), self.options.report)
        except UsageError as error:
            self.problems.append(str(error))

    def _write_baseline(self) -> None:
        file = self.options.baseline
        if file is None or not self.options.update or not self.results.cases():
            return
        found = Report(tuple(self.results.cases()), environment=environment())
        try:
            write(file, baseline.written(baseline.updated(self.options.known, found)))
        except OSError as error:
            hint = "choose another path with --steadygraph-baseline"
            raise UsageError(f"cannot write the baseline {file}: {error.strerror}", hint=hint) from error
