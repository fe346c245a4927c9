"""What an analysis is about right now, for whoever watches over the process to say."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator


def _nobody(about: str, step: str) -> None:
    pass


_tell: Callable[[str, str], None] = _nobody
#: The part of the analysis that goes on.
_step = ""


def told_to(listener: Callable[[str, str], None]) -> None:
    """From now on this process tells here what it begins, and as part of what: ``the call image``, ``eager mode``."""
    global _tell
    _tell = listener


def begins(about: str) -> None:
    """``build() of case.py``, ``the call image``."""
    _tell(about, _step)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """A block that is one part of the analysis, or of another part: ``tracing``, and in it ``2 of 5``."""
    global _step
    before, _step = _step, f"{_step} {name}".strip()
    try:
        yield
    finally:
        _step = before
