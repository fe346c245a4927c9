"""``steadygraph probe``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli.parameters import (
    CaseFile,
    FailOn,
    Folder,
    Format,
    Ignore,
    NoProgress,
    Output,
    Quiet,
    Record,
    Select,
    Timeout,
    Verbose,
    choices,
    of_results,
)
from steadygraph.config import POLICIES, Probing
from steadygraph.model.gpus import GPUS

_USUAL = Probing()


def probe(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET",
            help="case.py, package.module:Class, path/file.py:Class, or a directory for every case_*.py in it; build() "
            "and profile() are enough.",
        ),
    ],
    case: CaseFile = None,
    seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.0,
            help=f"Try calls for this long, beside what the profile call takes; default: {_USUAL.seconds:g}.",
        ),
    ] = _USUAL.seconds,
    max_probes: Annotated[
        int, typer.Option("--max-probes", metavar="N", min=1, help=f"Try this many calls; default: {_USUAL.most}.")
    ] = _USUAL.most,
    write_case: Annotated[
        Path | None,
        typer.Option("--write-case", metavar="FILE", help="Write the calls that go wrong as a case file that runs."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Deployment to judge. Repeatable; default: recompile and drop, which one run of a call shows. With "
            "another one each call is analysed by itself.",
            autocompletion=choices(*POLICIES),
        ),
    ] = None,
    select: Select = None,
    ignore: Ignore = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Device to analyse for, instead of the case's own.")
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="GPU to simulate where there is no device.", autocompletion=choices(*GPUS)),
    ] = None,
    fail_on: FailOn = None,
    format: Format = None,
    output: Output = None,
    report: Folder = None,
    record: Record = None,
    timeout: Timeout = None,
    memory_limit: Annotated[
        str | None, typer.Option("--memory-limit", metavar="SIZE", help="Memory for each target, as of analyze.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Probe this many targets at the same time; default: 1.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_progress: NoProgress = False,
) -> int:
    """Try calls that nobody wrote down: the profile call with one thing changed that its guards look at.

    A call counts if eager mode takes it. What goes wrong is a note, unless the case says in PROBES that the deployment
    makes such calls. Exit codes are those of analyze.
    """
    from steadygraph.cli.analysis import Command, run
    from steadygraph.cli.conclusion import Wanted

    given = {
        "policy": policy,
        **of_results(select, ignore, fail_on, format, None, report),
        "device": device,
        "gpu": gpu,
        "timeout": timeout,
        "memory-limit": memory_limit,
        "jobs": jobs,
    }
    wanted = Wanted(given, output, quiet, verbose)
    probing = Probing(seconds, max_probes, None if write_case is None else str(write_case.absolute()))
    progress = not (quiet or no_progress)
    return run(Command(tuple(targets), case, record, None, wanted, progress, probing))
