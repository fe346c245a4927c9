"""``steadygraph compare``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli import streams
from steadygraph.errors import UsageError
from steadygraph.errors.near_miss import question_or_list

_FILE_WIDTH = 80


def compare(
    old: Annotated[
        Path | None,
        typer.Argument(
            metavar="OLD", help="The older report, as --format json writes it, or the directory of a sweep."
        ),
    ] = None,
    new: Annotated[Path | None, typer.Argument(metavar="NEW", help="The newer one.")] = None,
    ranks: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Hold the reports of ranks against each other: DIR/rank0/report.json or DIR/rank0.json."
        ),
    ] = None,
    world_size: Annotated[
        int | None,
        typer.Option("--world-size", min=2, metavar="N", help="How many ranks there are, where torchrun did not say."),
    ] = None,
    format: Annotated[str, typer.Option(metavar="FORMAT", help="text, json or markdown.")] = "text",
    fail_on: Annotated[
        str,
        typer.Option(
            metavar="SEVERITY", help="From which severity on a new finding is worse: error, warning, note or never."
        ),
    ] = "warning",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file; default: standard output.")
    ] = None,
) -> int:
    """Say what changed from one report or sweep to another, or what is not the same between ranks.

    Exit code: 1 where something got worse (a new finding, a worse outcome, a target without a result), or ranks are not
    alike, missing, or have nothing to compare; otherwise 0; 2 for a file that is no report.
    """
    from steadygraph.cli.comparing import of_ranks, of_two
    from steadygraph.errors.files import require_writable, write
    from steadygraph.model.run import EXIT_FINDINGS, EXIT_OK, FAIL_ON

    for name, value, known in (("format", format, ("text", "json", "markdown")), ("fail-on", fail_on, FAIL_ON)):
        if value not in known:
            raise UsageError(f"unknown {name} {value!r}", hint=question_or_list(value, known, f"values of --{name}"))
    if (ranks is None) == (old is None) or (ranks is None) == (new is None):
        raise UsageError("compare takes two reports", hint="name an older and a newer one, or ranks with --ranks DIR")
    if output is not None:
        require_writable(output)
    width = shutil.get_terminal_size((_FILE_WIDTH, 0)).columns if output is None else _FILE_WIDTH
    if ranks is not None:
        rendered, worse = of_ranks(ranks, world_size, format, width)
    else:
        assert old is not None
        assert new is not None
        rendered, worse = of_two(old, new, format, fail_on, width)
    if output is None:
        streams.emit(rendered)
    else:
        write(output, rendered)
    return EXIT_FINDINGS if worse and fail_on != "never" else EXIT_OK
