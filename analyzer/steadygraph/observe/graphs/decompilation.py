"""What Dynamo made of a frame's bytecode, as Python: where the graph is called, and what it is given.

depyf does the work.  It knows many frames, not all, and is chatty about those that it does not know.
"""

from __future__ import annotations

import contextlib
import io
import re
import types
import warnings

from steadygraph.observe.graphs import calls, profiler_marks, temporaries
from steadygraph.torch_private.replacement import replaced
from steadygraph.torch_private.wording import without_addresses

#: What is longer than this nobody reads.
_SIZE_LIMIT_BYTES = 16_384
#: The names of graphs end in a count and a random number, those of the functions that go on after a break in a count.
_NUMBERED = re.compile(r"(__compiled_fn)_\d+_[0-9a-f]{8}(?:_[0-9a-f]{4}){3}_[0-9a-f]{12}|(__resume_at_\d+)_\d+")

#: depyf's own variables.
_TEMPORARY = re.compile(r"\b__temp_\d+\b")


def decompiled(code: types.CodeType) -> str:
    """Python source that does what the code does; empty if that cannot be told."""
    if len(code.co_code) > _SIZE_LIMIT_BYTES:
        return ""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from depyf import decompiler

            with (
                replaced(decompiler, {"remove_some_temp": _tidied}),
                replaced(decompiler.Decompiler, calls.readings(decompiler.Decompiler)),
            ):
                text = str(decompiler.decompile(code))
    except Exception:
        return ""
    return _repeatable(text).rstrip("\n")


def _tidied(source: str, prefix: str, indentation: int) -> str:
    return profiler_marks.removed(temporaries.removed(source, prefix, indentation), indentation)


def _repeatable(text: str) -> str:
    """The same text for the same code, however much was compiled and decompiled before."""
    temporaries: dict[str, str] = {}
    text = _TEMPORARY.sub(lambda found: temporaries.setdefault(found[0], f"__temp_{len(temporaries)}"), text)
    return without_addresses(_NUMBERED.sub(r"\1\2", text))
