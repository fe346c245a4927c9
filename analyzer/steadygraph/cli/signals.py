"""Signals that ask a run to end: what is finished is written, and the exit code says which one it was."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or a signal that means the same.

    Args:
        number: That of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Interruption:
    """Which signal came last, also where somebody has made something else of what it raised."""

    exit_code: int | None = None

    def _came(self, number: int, frame: FrameType | None) -> None:
        self.exit_code = exit_code(interrupt := Interrupted(number))
        raise interrupt


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """What shells make of a program that a signal ended: 130, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + (interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT)


@contextmanager
def interruptible(*, last: bool) -> Iterator[Interruption]:
    """A block in which each of them raises :class:`Interrupted`; one that is ignored already (nohup) stays so.

    Args:
        last: The process does nothing after the block but end: there is nothing left to be interrupted.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():  # which alone may say what a signal does
        yield interruption
        return
    before = {number: handler for number in _ENDING if (handler := signal.getsignal(number)) != signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, interruption._came)
        yield interruption
    finally:
        for number, handler in before.items():
            # None: it is none of Python's, and cannot be put back.
            if last or handler is not None:
                signal.signal(number, signal.SIG_IGN if last else handler)


@contextmanager
def left_alone() -> Iterator[None]:
    """A block in which these signals do what they do in a program of Python that has said nothing about them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = {number: signal.getsignal(number) for number in _ENDING}
    own = {number: signal.SIG_DFL for number in _ENDING} | {signal.SIGINT: signal.default_int_handler}
    changed = [number for number, handler in ours.items() if handler not in (signal.SIG_IGN, None)]
    try:
        for number in changed:
            signal.signal(number, own[number])
        yield
    finally:
        for number in changed:
            signal.signal(number, ours[number])
