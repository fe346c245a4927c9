"""``steadygraph judge``."""

from __future__ import annotations

from typing import Annotated

import typer

from steadygraph.cli.parameters import BaselineFile, FailOn, Folder, Format, Ignore, Output, Select, Verbose, of_results


def judge(
    file: Annotated[
        str,
        typer.Argument(metavar="RECORDING.json", help="What analyze --record wrote; - for standard input."),
    ],
    select: Select = None,
    ignore: Ignore = None,
    fail_on: FailOn = None,
    format: Format = None,
    output: Output = None,
    report: Folder = None,
    baseline: BaselineFile = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="One line per target.")] = False,
    verbose: Verbose = False,
) -> int:
    """Judge a recording again: with other rules, or by a newer version. Nothing is run, and torch is not needed.

    Exit code: that of the analysis; 2 if the recording cannot be read.
    """
    from steadygraph.cli.conclusion import Wanted
    from steadygraph.cli.recordings import judged

    given = of_results(select, ignore, fail_on, format, baseline, report)
    return judged(file, Wanted(given, output, quiet, verbose))
