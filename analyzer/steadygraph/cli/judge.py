"""``steadygraph judge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli.choices import choices
from steadygraph.config import FORMATS
from steadygraph.model.run import FAIL_ON


def judge(
    file: Annotated[Path, typer.Argument(metavar="RECORDING.json", help="What analyze --record wrote.")],
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="CODES", help="Rules to run, by code, code prefix, kind or name; default: all."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="CODES", help="Rules to leave out.")] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="SEVERITY",
            help="Exit with 1 from this severity on: error, warning, note or never; default: warning.",
            autocompletion=choices(*FAIL_ON),
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", help=f"{', '.join(FORMATS)}; default: text.", autocompletion=choices(*FORMATS)),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results to this file; default: standard output.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the results to this directory as well, in all formats at once."),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Findings that this file accepts do not count; only what is new does."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="One line per target.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Text with every finding in full and every violated guard.")
    ] = False,
) -> int:
    """Judge a recording again: with other rules, or by a newer version. Nothing is run, and torch is not needed.

    Exit code: that of the analysis; 2 if the recording cannot be read.
    """
    from steadygraph.cli.conclusion import Wanted
    from steadygraph.cli.recordings import judged

    given = {
        "select": select,
        "ignore": ignore,
        "fail-on": fail_on,
        "format": format,
        "baseline": None if baseline is None else str(baseline),
        "report": None if report is None else str(report),
    }
    return judged(file, Wanted(given, output, quiet, verbose))
