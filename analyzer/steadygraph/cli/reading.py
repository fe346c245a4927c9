"""A report from a file or from standard input."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import cast

from steadygraph import config
from steadygraph.cli.results import Destination, tell
from steadygraph.model.run import EXIT_OK, FailOn, RunReport

#: A report in a directory, as --report writes it.
OF_FOLDER = "report.json"
#: Stands for standard input.
STANDARD_INPUT = "-"


def rendered(
    file: str, *, format: str, output: Path | None, folder: Path | None, fail_on: str | None, verbose: bool
) -> int:
    """Read a report, give it to its destinations, and give the exit code."""
    checked = config.checked({"format": format, **({} if fail_on is None else {"fail-on": fail_on})})
    destination = Destination(checked["format"], output, folder, verbose=verbose)
    destination.require()
    report = read(file)
    if fail_on is not None:
        report = dataclasses.replace(report, fail_on=cast(FailOn, checked["fail-on"]))
    tell(report, destination)
    return EXIT_OK if fail_on is None else report.exit_code


def read(file: str) -> RunReport:
    """The report in a file, or in what is piped; of a directory of an engine's ranks, one of them all.

    Raises:
        UsageError: It cannot be read, or is no report; the message names the file.
    """
    from steadygraph.report.json import codec

    if file == STANDARD_INPUT:
        return codec.piped()
    path = Path(file)
    if not path.is_dir():
        return codec.read(path)
    from steadygraph.live.engines.ranks import merged

    own = path / OF_FOLDER
    return codec.read(own) if own.exists() else merged(path)
