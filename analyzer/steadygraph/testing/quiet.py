"""What torch tells only its own files, and pytest would show below each test that fails (pytest 9)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def trace_log_kept_apart() -> Iterator[None]:
    """A block in which what Dynamo traces goes to the files of ``TORCH_TRACE`` alone: it is a thousand lines."""
    log = logging.getLogger("torch.__trace")
    capturing = [one for one in log.handlers if type(one).__module__.startswith("_pytest.")]
    for handler in capturing:
        log.removeHandler(handler)
    try:
        yield
    finally:
        for handler in capturing:
            log.addHandler(handler)
