"""What is being analysed, on standard error: lines with a clock on a terminal, elsewhere one line now and then."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from steadygraph.redaction.text import redacted
from steadygraph.report.text.layout import flat

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

#: How often a line is written where there is no terminal: a log must not fill.
INTERVAL_S = 30.0
_LONGEST = 100


@dataclass(slots=True)
class _Running:
    """A target that is being analysed.

    Args:
        shown: Its number and name.
        activity: Says what it is about.
        line: On a terminal.
    """

    shown: str
    activity: Callable[[], str]
    line: TaskID | None = None
    began: float = field(default_factory=time.monotonic)


class Progress:
    """The targets that run, with what each is about; on a terminal all lines are gone when it ends."""

    def __init__(self, targets: Sequence[str], *, shown: bool, interval_s: float = INTERVAL_S) -> None:
        self.targets = targets
        self.finished = 0
        self.running: dict[int, _Running] = {}
        wanted = shown and bool(targets)
        self.display = _display() if wanted and sys.stderr.isatty() else None
        self._ended = threading.Event()
        self._told = threading.Thread(target=self._tell, args=(interval_s,), daemon=True) if wanted else None

    def __enter__(self) -> Self:
        if self.display is not None:
            try:
                self.display.start()
            except BaseException:  # Ctrl-C right here: give the cursor back
                self.display.stop()
                raise
        if self._told is not None:
            self._told.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._told is not None:  # no line of it comes after what is printed next; nobody waits for a full pipe
            self._told.join(timeout=1.0)
        if self.display is not None:
            self.display.stop()

    def start(self, index: int, activity: Callable[[], str]) -> None:
        one = self.running[index] = _Running(self._text(index), activity)
        if self.display is not None:
            one.line = self.display.add_task(one.shown, total=None)

    def done(self, index: int) -> None:
        self.finished += 1
        one = self.running.pop(index)
        if self.display is not None and one.line is not None:
            self.display.remove_task(one.line)

    def _text(self, index: int) -> str:
        number = f"[{index + 1}/{len(self.targets)}] " if len(self.targets) > 1 else ""
        return f"{number}{flat(self.targets[index])}"

    def _tell(self, interval_s: float) -> None:
        """Say what goes on, in a thread of its own."""
        while not self._ended.wait(0.2 if self.display is not None else interval_s):
            for one in list(self.running.values()):
                # Targets end, and whoever reads standard error may be gone.
                with contextlib.suppress(OSError, ValueError, KeyError):
                    self._show(one)

    def _show(self, one: _Running) -> None:
        about = redacted(flat(one.activity(), _LONGEST))
        if self.display is not None and one.line is not None:
            self.display.update(one.line, description=f"{one.shown}  {about}")
        elif self.display is None:
            print(f"{one.shown}: {about} ({time.monotonic() - one.began:.0f} s)", file=sys.stderr, flush=True)


def _display() -> Display:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = (SpinnerColumn(), TimeElapsedColumn(), text)
    return Display(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False)
