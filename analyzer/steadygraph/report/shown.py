"""The report of the Python interface: it shows itself in a terminal and in a notebook, and writes itself."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steadygraph.errors import UsageError, files
from steadygraph.model.budget import Budget
from steadygraph.model.run import RunReport
from steadygraph.report import folder
from steadygraph.report.json import budgets
from steadygraph.report.text import notebook, text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True, repr=False)
class Report(RunReport):
    """The result of an analysis.

    Args:
        cases: One entry per target, in the order in which they were asked for.
        environment: Versions and platform, see :func:`steadygraph.model.environment.environment`.
        tool_version: Version of steadygraph that made the report.
        fail_on: From which severity on findings make :attr:`exit_code` 1.
        interrupted: The run was stopped before all cases were analysed.

    Raises:
        UsageError: ``fail_on`` is no severity.
    """

    def write(self, directory: str | Path) -> None:
        """Write the report to a directory in all formats: ``report.json``, ``report.sarif`` and so on.

        Args:
            directory: Where; it is made if it is not there.

        Raises:
            UsageError: The directory cannot be made or written to; no file in it is changed then.
        """
        folder.store(self, Path(directory))

    @property
    def budget(self) -> Budget:
        """The guards worth keeping, of the one case that was judged under the policy ``budget``.

        Raises:
            UsageError: No case was, or several were.
        """
        found = self._budgets()
        if not found:
            raise UsageError("no case was judged under policy 'budget'", hint="analyse with budget=True")
        if len(found) > 1:
            hint = "take report.cases[...].budget"
            raise UsageError(f"{len(found)} cases were judged under policy 'budget'", hint=hint)
        return next(iter(found.values()))

    def write_budget(self, file: str | Path) -> None:
        """Write the guards worth keeping of all cases to a file, for :func:`steadygraph.guard_filter`.

        Args:
            file: Where; it is written whole or not at all.

        Raises:
            UsageError: No case was judged under the policy ``budget``, or the file cannot be written.
        """
        found = self._budgets() or {"": self.budget}
        text = budgets.to_json(found, tool_version=self.tool_version, environment=self.environment)
        files.require_writable(Path(file))
        files.write(Path(file), text)

    def _budgets(self) -> dict[str, Budget]:
        return {case.target: case.budget for case in self.cases if case.budget is not None}

    def __str__(self) -> str:
        return text.render(self, width=shutil.get_terminal_size().columns).rstrip("\n")

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return notebook.render(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from text.segments(self, width=options.max_width)
