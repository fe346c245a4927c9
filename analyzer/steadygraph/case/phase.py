"""What an analysis is about right now, for whoever watches over the process to say."""

from __future__ import annotations

from collections.abc import Callable


def _nobody(phase: str) -> None:
    pass


_tell: Callable[[str], None] = _nobody


def told_to(listener: Callable[[str], None]) -> None:
    """From now on this process tells here what it begins: ``build() of case.py``, ``the call image``."""
    global _tell
    _tell = listener


def begins(phase: str) -> None:
    _tell(phase)
