"""Which targets are being analysed: on standard error, and only if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from steadygraph.report.text.layout import flat

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID


class Progress:
    """A line with a clock for each running target; all lines are gone when it ends."""

    def __init__(self, targets: Sequence[str], *, shown: bool) -> None:
        self.targets = targets
        self.finished = 0
        self.lines: dict[int, TaskID] = {}
        self.display = _display() if shown and targets and sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self.display is not None:
            try:
                self.display.start()
            except BaseException:  # Ctrl-C right here: give the cursor back
                self.display.stop()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.display is not None:
            self.display.stop()

    def start(self, index: int) -> None:
        if self.display is not None:
            self.lines[index] = self.display.add_task(self._text(index), total=None)

    def done(self, index: int) -> None:
        self.finished += 1
        if self.display is not None:
            self.display.remove_task(self.lines.pop(index))

    def _text(self, index: int) -> str:
        number = f"[{index + 1}/{len(self.targets)}] " if len(self.targets) > 1 else ""
        return f"{number}{flat(self.targets[index])}"


def _display() -> Display:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    return Display(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False)
