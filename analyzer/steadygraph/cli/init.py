"""``steadygraph init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli import streams
from steadygraph.errors import UsageError, files


def init(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODULE:CLASS]", help="The class of a model, or path/file.py:Class; default: an example."
        ),
    ] = None,
    pytest: Annotated[bool, typer.Option("--pytest", help="Write a test for pytest in the place of a case.")] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; default: case_NAME.py, or test_NAME.py.")
    ] = None,
) -> int:
    """Write a case to begin with: the model of a class, with arguments that it takes.

    Arguments come from the signature and the layers of the model, and are tried in eager mode. A file that is there is
    not touched.

    Exit code: 0, or 2 for wrong use; where something is left to be filled in, it is told.
    """
    from steadygraph.engine.starter.start import start

    found = start(target, output, pytest=pytest)
    file = found.file
    if file.exists():
        raise UsageError(f"{file} is there already", hint="name another one with --output")
    files.require_writable(file)
    files.write(file, found.text)
    if found.problem:
        streams.remark(f"{file}: {found.problem}; fill it in where it says TODO")
    streams.emit(f"{'pytest' if pytest else 'steadygraph analyze'} {file}\n")
    return 0
