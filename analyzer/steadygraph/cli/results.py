"""Where a report goes: to standard output or a file in one format, and to a folder in all of them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from steadygraph.cli import streams
from steadygraph.errors import UsageError
from steadygraph.errors.files import require_writable, write
from steadygraph.model.run import RunReport
from steadygraph.report import folder as report_folder
from steadygraph.report.formats import renderer
from steadygraph.report.portable import Renderable, portable

#: Columns of a text report that goes to no terminal: a page or a log shows the same as a terminal of usual width.
_FILE_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Destination:
    """What is wanted of a report.

    Args:
        format: A format for the standard output, or for ``output``.
        output: A file in place of the standard output.
        folder: A folder for a file in each format, beside that.
        quiet: One line per case, where the format is text.
        verbose: Leave nothing out, where the format is text.
    """

    format: str = "text"
    output: Path | None = None
    folder: Path | None = None
    quiet: bool = False
    verbose: bool = False

    @property
    def is_text_on_screen(self) -> bool:
        return self.format == "text" and self.output is None

    def require(self) -> None:
        """Find out whether all of it can be written, before there is anything to lose.

        Raises:
            UsageError: It cannot.
        """
        if self.output is not None:
            require_writable(self.output)
        if self.folder is not None:
            report_folder.require(self.folder)

    def tell(self, report: Renderable) -> None:
        """Print the report, or write it to the file.

        Raises:
            UsageError: The file could not be written.
        """
        text = self._rendered(report)
        if self.output is None:
            streams.emit(text)
            return
        try:
            write(self.output, text)
        except OSError as error:
            # The work is done: better in the wrong place than lost.
            streams.emit(text)
            hint = "the results are on standard output instead"
            raise UsageError(f"cannot write {self.output}: {error.strerror}", hint=hint) from error

    def _rendered(self, report: Renderable) -> str:
        if self.format != "text":
            return renderer(self.format)(report)
        from steadygraph.report.text.text import render

        if self.output is not None:
            return render(report, width=_FILE_WIDTH, quiet=self.quiet, verbose=self.verbose)
        return screen(
            lambda width, color: render(report, width=width, color=color, quiet=self.quiet, verbose=self.verbose)
        )


def tell(report: RunReport, destination: Destination, *, printed: bool = True) -> None:
    """Give the report to all of its destinations.

    Args:
        report: Any report.
        destination: Where it goes.
        printed: Print it, or write it to the file; the folder is written in any case.

    Raises:
        UsageError: Something could not be written; the rest was.
    """
    # What the formats have in common is done once.
    clean = portable(report)
    try:
        if printed:
            destination.tell(clean)
    finally:
        if destination.folder is not None:
            report_folder.store(clean, destination.folder)


def screen(render: Callable[[int, bool], str]) -> str:
    """What ``render`` makes for so many columns, with or without colours, as the standard output is."""
    return render(shutil.get_terminal_size((_FILE_WIDTH, 0)).columns, _wants_color())


def _wants_color() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
