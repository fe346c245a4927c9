"""The report of the Python interface: it shows itself in a terminal and in a notebook, and writes itself."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steadygraph.model.run import RunReport
from steadygraph.report import folder
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

    def __str__(self) -> str:
        return text.render(self, width=shutil.get_terminal_size().columns).rstrip("\n")

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return notebook.render(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from text.segments(self, width=options.max_width)
