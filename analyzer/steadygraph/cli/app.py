"""The commands."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Annotated

import typer

from steadygraph.cli import streams
from steadygraph.cli.analyze import analyze
from steadygraph.cli.budget import budget
from steadygraph.cli.compare import compare
from steadygraph.cli.doctor import doctor
from steadygraph.cli.init import init
from steadygraph.cli.judge import judge
from steadygraph.cli.probe import probe
from steadygraph.cli.report import report
from steadygraph.cli.rules import rules
from steadygraph.cli.run import SETTINGS, run
from steadygraph.cli.sweep import merge, sweep

PROGRAM = "steadygraph"

#: Wrong use of the command line.  Typer exports only the last of BadParameter, UsageError, ClickException by name.
_ClickException: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(name=PROGRAM, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command("analyze")(analyze)
app.command("budget")(budget)
app.command("compare")(compare)
app.command("doctor")(doctor)
app.command("init")(init)
app.command("judge")(judge)
app.command("merge")(merge)
app.command("probe")(probe)
app.command("report")(report)
app.command("rules")(rules)
app.command("run", context_settings=SETTINGS)(run)
app.command("sweep")(sweep)


def _version(wanted: bool) -> None:
    if wanted:
        from steadygraph import __version__

        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find what torch.compile burned in at warm-up and serving no longer satisfies, and prove what happens then."""


def invoke(arguments: Sequence[str]) -> int:
    """Run a command and give its exit code."""
    try:
        code = typer.main.get_command(app).main(
            list(arguments),
            prog_name=PROGRAM,
            standalone_mode=False,
            max_content_width=shutil.get_terminal_size().columns,  # of help
        )
    except _ClickException as error:
        return _wrong_use(error)
    return code if isinstance(code, int) else 0


def _wrong_use(error: BaseException) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        streams.remark(context.get_help() if context is not None else str(error))
        return 2
    command = PROGRAM if context is None else context.command_path
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    streams.error(message.rstrip("."), f"{command} --help lists what there is")
    return 2
