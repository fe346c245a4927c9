"""The words of the command line, as pytest has them."""

from __future__ import annotations

import re

_OPTION = re.compile(r"(?<!\S)--(timeout|baseline|update-baseline|report)\b")


def for_pytest(text: str) -> str:
    """A sentence that names options of ``steadygraph analyze``, with the options of pytest in their place."""
    return _OPTION.sub(r"--steadygraph-\1", text)
