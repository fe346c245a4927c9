"""What goes wrong with us ends nothing of what is watched."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Protocol

from steadygraph.errors import raised
from steadygraph.redaction.text import redacted

LONGEST_REASON = 200


class Closing(Protocol):
    def close(self) -> None:
        """Hear of nothing any more."""


def told(error: Exception) -> str:
    """What a line says of it."""
    return redacted(f"{raised.name(error)}: {raised.text(error)}")[:LONGEST_REASON]


def never_failing(function: Callable[[Exception], object]) -> Callable[[Exception], None]:
    def call(error: Exception) -> None:
        try:
            function(error)
        except Exception:  # whoever is watched goes on, whatever is wrong with us
            return

    return call


def left_in_children(observer: weakref.ref[Closing]) -> None:
    """A process that is forked is not watched: another thread may have held our lock, and is not there."""

    def left() -> None:
        watching = observer()
        if watching is not None:
            watching.close()

    os.register_at_fork(after_in_child=left)
