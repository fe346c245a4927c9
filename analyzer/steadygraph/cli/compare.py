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
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="The older report, as --format json writes it.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="The newer one.")],
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
    """Say what changed from one report to another: findings, outcomes, guards, graphs, durations.

    Exit code: 1 where something got worse (a new finding, a worse outcome, a target without a result), otherwise 0; 2
    for a file that is no report.
    """
    from steadygraph.errors.files import require_writable, write
    from steadygraph.history.changes import changes_between
    from steadygraph.history.changes.formats import FORMATS, text
    from steadygraph.model import Severity
    from steadygraph.model.run import EXIT_FINDINGS, EXIT_OK, FAIL_ON
    from steadygraph.report.json.codec import read

    for name, value, known in (("format", format, tuple(FORMATS)), ("fail-on", fail_on, FAIL_ON)):
        if value not in known:
            raise UsageError(f"unknown {name} {value!r}", hint=question_or_list(value, known, f"values of --{name}"))
    if output is not None:
        require_writable(output)
    changes = changes_between(read(old), read(new))
    columns = shutil.get_terminal_size((_FILE_WIDTH, 0)).columns if output is None else _FILE_WIDTH
    rendered = text(changes, width=columns) if format == "text" else FORMATS[format](changes)
    if output is None:
        streams.emit(rendered)
    else:
        write(output, rendered)
    worse = fail_on != "never" and changes.is_worse(Severity(fail_on))
    return EXIT_FINDINGS if worse else EXIT_OK
