"""Python's cycle collector, kept out of the way where a large report is gone through."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect no cycles in this block, or in the function that this decorates.

    Reports are trees, so that nothing is there to be found; but each time that so many values were made, the collector
    walks all of them, which takes half of the time that it takes to render 10,000 findings.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
