"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from steadygraph.config import FORMATS
from steadygraph.model.run import FAIL_ON


def choices(*names: str) -> Any:
    """What typer calls for the values of an option that start as the user began."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


CaseFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The case file of a class; default: the module of the class."),
]
Timeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Time for each target, 0 for no limit; default: 600.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="One line per target; no progress, nothing of what targets print.")
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no progress.")]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="CODES", help="Rules to run, by code, code prefix, kind or name; default: all."),
]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", metavar="CODES", help="Rules to leave out.")]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on",
        metavar="SEVERITY",
        help="Exit with 1 from this severity on: error, warning, note or never; default: warning.",
        autocompletion=choices(*FAIL_ON),
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}; default: text.",
        autocompletion=choices(*FORMATS),
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Write the results to this file; default: standard output."),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="DIR", help="Write the results to this directory as well, in all formats at once."
    ),
]
Record = Annotated[
    Path | None,
    typer.Option("--record", metavar="FILE", help="Keep all that was observed in this file, for steadygraph judge."),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Text with every finding in full and every violated guard.")
]
BaselineFile = Annotated[
    Path | None,
    typer.Option(
        "--baseline", metavar="FILE", help="Findings that this file accepts do not count; only what is new does."
    ),
]


def of_results(
    select: list[str] | None,
    ignore: list[str] | None,
    fail_on: str | None,
    format: str | None,
    baseline: Path | None,
    report: Path | None,
) -> dict[str, object]:
    """The options that say what becomes of what was found, by name; None where one is absent."""
    return {
        "select": select,
        "ignore": ignore,
        "fail-on": fail_on,
        "format": format,
        "baseline": None if baseline is None else str(baseline),
        "report": None if report is None else str(report),
    }
