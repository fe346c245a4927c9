"""``steadygraph analyze``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli.parameters import (
    BaselineFile,
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
    choices,
    of_results,
)
from steadygraph.config import BACKENDS, POLICIES
from steadygraph.model.gpus import DEFAULT, GPUS

_ANALYSIS, _RESULT, _RUN = "What to analyse", "Results", "How to run"


def analyze(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET",
            help="case.py, package.module:Class, path/file.py:Class, or a directory for every case_*.py in it.",
        ),
    ],
    case: CaseFile = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Deployment to judge: recompile, drop, shapes-only, cuda-graph, budget, or a filter of torch.compiler "
            "by its name. Repeatable; default: recompile and drop, and cuda-graph where the case says so.",
            autocompletion=choices(*POLICIES),
        ),
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What proves the policies: eager, aot_eager or inductor. Repeatable; default: eager, and aot_eager "
            "for graphs that it may change.",
            autocompletion=choices(*BACKENDS),
        ),
    ] = None,
    select: Select = None,
    ignore: Ignore = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Device to analyse for, instead of the case's own: cuda, cuda:4 for four, or cpu."
        ),
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"GPU to simulate where there is no device: {', '.join(GPUS)}; default: {DEFAULT}.",
            autocompletion=choices(*GPUS),
        ),
    ] = None,
    budget: Annotated[
        bool,
        typer.Option("--budget", help="Find the guards worth keeping, too, and judge a deployment that keeps these."),
    ] = False,
    fail_on: FailOn = None,
    format: Format = None,
    output: Output = None,
    report: Folder = None,
    record: Record = None,
    write_repro: Annotated[
        Path | None,
        typer.Option(
            "--write-repro",
            metavar="FILE",
            help="Write a program that shows what torch.compile gets wrong by itself, for a report to PyTorch.",
        ),
    ] = None,
    baseline: BaselineFile = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Accept what is there now: write it to the baseline. Not in CI.")
    ] = False,
    lock: Annotated[
        bool,
        typer.Option(
            "--lock", help="With --update-baseline: write digests of guards and graphs too; later runs compare them."
        ),
    ] = False,
    timeout: Timeout = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            "--memory-limit",
            metavar="SIZE",
            help="Memory for each target, as in 2GiB or 512M, 0 for no limit; default: its share of what is available.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Analyse this many targets at the same time; default: 1.")
    ] = None,
    quiet: Quiet = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Text with every finding in full (where there are errors, warnings are shortened), every violated "
            "guard and all versions.",
        ),
    ] = False,
    no_progress: NoProgress = False,
) -> int:
    """Compare the warm-up call of a model with its serving calls.

    Each target is analysed in a process of its own. Exit code: 0 nothing found, 1 findings, 2 wrong use or a case that
    cannot be used, 3 an error of steadygraph or of a rule that --select asks for, 4 a target failed, 130 interrupted
    (143 by SIGTERM, 129 by SIGHUP).

    All options but --case, --output, --record, --write-repro, --update-baseline, --lock, --quiet, --verbose and
    --no-progress may stand in [tool.steadygraph] of pyproject.toml.
    """
    from steadygraph.cli.analysis import Command, run
    from steadygraph.cli.conclusion import Wanted

    given = {
        "policy": policy,
        "backend": backend,
        "budget": budget or None,
        **of_results(select, ignore, fail_on, format, baseline, report),
        "device": device,
        "gpu": gpu,
        "timeout": timeout,
        "memory-limit": memory_limit,
        "jobs": jobs,
    }
    progress = not (quiet or no_progress)
    wanted = Wanted(given, output, quiet, verbose, update_baseline, lock)
    return run(Command(tuple(targets), case, record, write_repro, wanted, progress))
