"""``steadygraph run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli.parameters import (
    BaselineFile,
    FailOn,
    Folder,
    Format,
    Ignore,
    Output,
    Record,
    Select,
    Verbose,
    of_results,
)
from steadygraph.live import EVERY, STRUCTURES

#: Options end where the script begins: what follows is the script's own.
SETTINGS = {"allow_interspersed_args": False}


def run(
    script: Annotated[
        list[str],
        typer.Argument(metavar="SCRIPT.py ARGS...", help="The script and its arguments; after -m, a module and its."),
    ],
    module: Annotated[
        bool, typer.Option("-m", "--module", help="Run a module, as python -m does: steadygraph run -m pytest -x.")
    ] = False,
    select: Select = None,
    ignore: Ignore = None,
    fail_on: FailOn = None,
    format: Format = None,
    output: Output = None,
    report: Folder = None,
    record: Record = None,
    baseline: BaselineFile = None,
    write_cases: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a case file for each scenario with an error or a warning, to analyze."),
    ] = None,
    save_tensors: Annotated[
        bool, typer.Option("--save-tensors", help="Cases get the values of the arguments, and not others like them.")
    ] = False,
    factory: Annotated[
        str | None,
        typer.Option(metavar="MODULE:FUNCTION", help="Makes the module in cases; default: it is pickled."),
    ] = None,
    structures: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help=f"Look at this many distinct structures of each region; default: {STRUCTURES}."
        ),
    ] = STRUCTURES,
    every: Annotated[
        int,
        typer.Option(min=1, metavar="N", help=f"Ask all dropped guards at every N-th call; default: {EVERY}."),
    ] = EVERY,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each finding, and one line at the end.")] = False,
    verbose: Verbose = False,
) -> int:
    """Run a script and watch what it compiles: no case, and no change of its code.

    The first compiled call of each module or function is its warm-up; later calls are held against it. A line on
    standard error tells each error and warning when it is found; the report follows there at the end, in another format
    on standard output. With --report it is on disk from the first finding on, however the script ends.

    Exit code: that of the script; where it ended well, 1 with findings at or above --fail-on. 2 wrong use.
    """
    from steadygraph.cli.conclusion import Wanted
    from steadygraph.cli.watched import Cases, Command, watched
    from steadygraph.live.script import Script

    given = of_results(select, ignore, fail_on, format, baseline, report)
    wanted = Wanted(given, output, quiet, verbose)
    cases = Cases(write_cases, save_tensors, factory)
    return watched(Command(Script(script[0], script[1:], module), wanted, record, cases, structures, every))
