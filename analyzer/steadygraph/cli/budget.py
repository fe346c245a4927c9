"""``steadygraph budget``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli.parameters import CaseFile, NoProgress, Timeout, choices
from steadygraph.config import BACKENDS
from steadygraph.model.gpus import GPUS


def budget(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="TARGET", help="As of analyze: case.py, package.module:Class, path/file.py:Class, DIR."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write what steadygraph.guard_filter reads to this file."),
    ] = None,
    case: CaseFile = None,
    torch_filters: Annotated[
        bool,
        typer.Option(
            "--torch-filters/--no-torch-filters",
            help="Run the calls with each of torch's own filters of guards, too: every one compiles them once more.",
        ),
    ] = True,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What proves the policies: eager, aot_eager or inductor. Repeatable; default: eager.",
            autocompletion=choices(*BACKENDS),
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="Device to analyse for, instead of the case's own.")
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="GPU to simulate where there is no device.", autocompletion=choices(*GPUS)),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what --output writes, in the place of the text.")] = False,
    timeout: Timeout = None,
    memory_limit: Annotated[
        str | None, typer.Option("--memory-limit", metavar="SIZE", help="Memory for each target, as of analyze.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Analyse this many targets at the same time; default: 1.")
    ] = None,
    no_progress: NoProgress = False,
) -> int:
    """Find the guards worth keeping: the fewest that every serving call violates which is wrong without guards.

    Each choice of guards has its price, measured, and the calls that it lets through. Exit code: 0 the calls are right
    with the guards that were chosen, 1 one is not, 2 to 4 and 130 as of analyze.
    """
    from steadygraph.cli.budgeting import Command, run

    given = {
        "backend": backend,
        "device": device,
        "gpu": gpu,
        "timeout": timeout,
        "memory-limit": memory_limit,
        "jobs": jobs,
    }
    return run(Command(tuple(targets), case, output, given, torch_filters, json, not no_progress))
