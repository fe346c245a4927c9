"""``steadygraph report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli.parameters import choices
from steadygraph.config import FORMATS
from steadygraph.model.run import FAIL_ON


def report(
    file: Annotated[
        str,
        typer.Argument(
            metavar="REPORT.json|DIR",
            help="What --format json wrote; - for standard input; a directory: what --report wrote there, or what the "
            "ranks of an engine wrote (STEADYGRAPH_WATCH), merged.",
        ),
    ],
    format: Annotated[
        str,
        typer.Option(metavar="FORMAT", help=f"{', '.join(FORMATS)}; default: text.", autocompletion=choices(*FORMATS)),
    ] = "text",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file; default: standard output.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write the report to this directory as well, in all formats."),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="SEVERITY",
            help="Judge the report by this severity (error, warning, note or never) and exit as analyze would have; "
            "default: exit with 0.",
            autocompletion=choices(*FAIL_ON),
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Text with every finding in full and every violated guard.")
    ] = False,
) -> int:
    """Show a stored report in any format; nothing is analysed, and torch is not needed.

    Exit code: 0, or 2 if the report cannot be read or written; with --fail-on that of the analysis.
    """
    from steadygraph.cli.reading import rendered

    return rendered(file, format=format, output=output, folder=folder, fail_on=fail_on, verbose=verbose)
