"""The entry point: every way in which a run can end becomes an exit code, and none of them a traceback.

Nothing is imported here before it is needed: the workers of an analysis import this module, too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; by default those of this process.

    Returns:
        The exit code: 0 nothing found, 1 findings, 2 usage, 3 an error of steadygraph itself, 4 a target failed,
        130 interrupted (143 by SIGTERM, 129 by SIGHUP).
    """
    try:
        from steadygraph.cli import streams
        from steadygraph.cli.signals import interruptible

        with interruptible(last=arguments is None) as interruption, streams.guarded() as results:
            code = streams.concluded(_run(sys.argv[1:] if arguments is None else list(arguments)), results)
            # Typer makes 130 of whatever interrupts a command.
            return interruption.exit_code or code if code == 130 else code
    except KeyboardInterrupt as interrupt:
        from steadygraph.cli.signals import exit_code

        return exit_code(interrupt)


def _run(arguments: list[str]) -> int:
    from steadygraph.cli import streams

    try:
        from steadygraph.cli.app import invoke

        return invoke(arguments)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return streams.report_error(error)
