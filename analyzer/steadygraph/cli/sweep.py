"""``steadygraph sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steadygraph.cli.parameters import FailOn, Ignore, Select, Timeout, choices
from steadygraph.config import BACKENDS, POLICIES


def sweep(
    suites: Annotated[
        list[str],
        typer.Argument(
            metavar="SUITE",
            help="A quoted glob of case files, a directory, a module, a target as analyze takes it, or the name of an "
            "installed suite: transformers.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The directory for a report of each target and what it ran with.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="N", help="Analyse at most this many targets at the same time, as memory allows."),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="i/n", help="Do the i-th of n parts; steadygraph merge makes one of them.")
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Do it on a Ray cluster: auto, an address, or local. Needs steadygraph[ray]."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a sweep that was interrupted.")] = False,
    last: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="An earlier sweep: what took longest there begins first; default: the newest beside --out.",
        ),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Deployment to judge. Repeatable.", autocompletion=choices(*POLICIES)),
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="What proves the policies. Repeatable.", autocompletion=choices(*BACKENDS)),
    ] = None,
    select: Select = None,
    ignore: Ignore = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Device to analyse for.")] = None,
    gpu: Annotated[str | None, typer.Option(metavar="NAME", help="GPU to simulate.")] = None,
    fail_on: FailOn = None,
    timeout: Timeout = None,
    memory_limit: Annotated[
        str | None, typer.Option("--memory-limit", metavar="SIZE", help="Memory for each target, 0 for no limit.")
    ] = None,
    format: Annotated[str, typer.Option(metavar="FORMAT", help="Of the table: text or markdown.")] = "text",
    only_list: Annotated[bool, typer.Option("--list", help="Name the targets, count them, and run none.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="No line for each target, nothing of what targets print.")
    ] = False,
) -> int:
    """Analyse many targets, each into a report of its own; a sweep that was killed goes on with --resume.

    A line on standard error tells each target when it is done; a table follows on standard output, worst first. Exit
    code: as of analyze, by the most serious target; what a suite leaves out is none.
    """
    from steadygraph.cli.sweeping import Command, run

    given = {
        "policy": policy,
        "backend": backend,
        "select": select,
        "ignore": ignore,
        "device": device,
        "gpu": gpu,
        "fail-on": fail_on,
        "timeout": timeout,
        "memory-limit": memory_limit,
        "jobs": jobs,
    }
    return run(Command(tuple(suites), out, given, shard, ray, resume, last, format, only_list, quiet))


def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="What steadygraph sweep --out wrote.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new directory for the whole; without it, only the table.")
    ] = None,
    fail_on: FailOn = None,
    format: Annotated[str, typer.Option(metavar="FORMAT", help="Of the table: text or markdown.")] = "text",
) -> int:
    """Make one sweep of its shards, or show the table of a sweep again.

    Exit code: that of the whole sweep; 4 where a shard or a target is missing.
    """
    from steadygraph.cli.sweeping import merged

    return merged(folders, out, {"fail-on": fail_on}, format)
