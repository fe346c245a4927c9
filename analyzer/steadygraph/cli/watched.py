"""A script under watch, from its first line to its report and exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steadygraph.cli import recordings, signals, streams
from steadygraph.cli.conclusion import Plan, Wanted, planned
from steadygraph.errors import SteadygraphError
from steadygraph.errors.files import require_folder, require_writable
from steadygraph.live import NOTHING
from steadygraph.live.script import Script, at_first_compiled_call
from steadygraph.model import CaseReport, Recording, Status
from steadygraph.model.environment import environment
from steadygraph.model.run import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from steadygraph.live.watch import Watching


@dataclass(frozen=True, slots=True)
class Cases:
    """Where case files go, and what they hold; as in ``steadygraph.watch``."""

    folder: Path | None
    save_tensors: bool
    factory: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """The command line of ``steadygraph run``."""

    script: Script
    wanted: Wanted
    #: A file for the recording.
    record: Path | None
    cases: Cases
    structures: int
    every: int


def watched(command: Command) -> int:
    """Run the script, tell what was found, and give the exit code.

    Raises:
        UsageError: An option means nothing, something cannot be written, or there is no such script.
    """
    plan = planned(command.wanted)
    command.script.require()
    if command.record is not None:
        require_writable(command.record)
    if command.cases.folder is not None:
        require_folder(command.cases.folder)
    watch, process = _Watch(command, plan), os.getpid()
    with streams.bare(), signals.left_alone(), at_first_compiled_call(watch.start):
        code = command.script.run()
    if os.getpid() != process:  # a child that the script forked has come here on its way out
        return code
    return watch.concluded(code)


class _Watch:
    """Begins with the first call of anything compiled, if ever."""

    def __init__(self, command: Command, plan: Plan) -> None:
        self._command, self._plan = command, plan
        self._watching: Watching | None = None

    def start(self) -> None:
        """The script goes on unwatched where this cannot be done."""
        from steadygraph.live import watch

        settings, cases = self._plan.options.settings, self._command.cases
        try:
            self._watching = watch.watch(
                report=self._plan.destination.folder,
                cases=cases.folder,
                save_tensors=cases.save_tensors,
                factory=cases.factory,
                structures=self._command.structures,
                every=self._command.every,
                select=settings.select,
                ignore=settings.ignore,
                tell=_unheard if self._plan.quiet else None,
            )
            self._watching.target = self._command.script.name
        except SteadygraphError as error:
            streams.error(f"the script is not watched: {error.problem}", error.hint)
        except Exception as error:
            streams.error(f"the script is not watched: {type(error).__name__}: {error}")

    def concluded(self, code: int) -> int:
        """Tell the results; the exit code of the script is kept, unless it ended well and something was found."""
        if self._watching is not None:
            self._watching.close()
        # Standard output is the script's, unless a format was asked for that goes there.
        aside = contextlib.redirect_stdout(sys.stderr) if self._plan.destination.is_text_on_screen else None
        with aside or contextlib.nullcontext():
            own = recordings.concluded(
                self._plan,
                [self._report()],
                lambda: (self._recording(),),
                environment(),
                file=self._command.record,
                interrupted=EXIT_INTERRUPTED if code == EXIT_INTERRUPTED else None,
            )
        return code or own

    def _report(self) -> CaseReport:
        if self._watching is None:
            return CaseReport(self._command.script.name, Status.COMPLETED, 0.0, notes=(NOTHING,))
        return self._watching.report().cases[0]

    def _recording(self) -> Recording:
        if self._watching is None:
            return Recording(self._command.script.name, Status.COMPLETED, 0.0, notes=(NOTHING,))
        return self._watching.recording()


def _unheard(_line: str) -> None:
    """Nothing is said before the end."""
