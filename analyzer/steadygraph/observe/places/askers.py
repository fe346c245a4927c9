"""The line of a model that asks whether it is being compiled, in a trace and in eager mode.

Libraries ask through functions of their own (``is_torchdynamo_compiling`` of transformers): then their caller is meant.
What torch asks for itself is nobody's branch.
"""

from __future__ import annotations

import sys
import traceback
import types
from collections.abc import Sequence

from steadygraph.model import Location
from steadygraph.observe.places import locations

#: In the names of functions that hand the answer on.
_ASKING = "compiling"


def of_trace(stack: Sequence[traceback.FrameSummary]) -> Location | None:
    """Who asked, by the stack of the traced code; None if torch did."""
    asker = next((frame for frame in reversed(stack) if _ASKING not in frame.name), None)
    return locations.of_frame(asker) if asker is not None and locations.is_user_file(asker.filename) else None


def running() -> tuple[str, int] | None:
    """File and line of who is asking now, called from the function that answers; None if torch is."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and not _hands_on(frame.f_code):
        frame = frame.f_back
    while frame is not None and _hands_on(frame.f_code):
        frame = frame.f_back
    if frame is None or not locations.is_user_file(frame.f_code.co_filename):
        return None
    return frame.f_code.co_filename, frame.f_lineno


def _hands_on(code: types.CodeType) -> bool:
    return _ASKING in code.co_name
