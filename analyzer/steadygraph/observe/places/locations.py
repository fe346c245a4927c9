"""From Python's stack summaries to lines of the user's model."""

from __future__ import annotations

import inspect
import linecache
import sys
import sysconfig
import traceback
import types
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch

from steadygraph.model import Failure, Location

_TORCH = str(Path(torch.__file__).parent)
_STEADYGRAPH = str(Path(__file__).parents[2])
_STDLIB = sysconfig.get_paths()["stdlib"]


@lru_cache(maxsize=4096)
def is_user_file(path: str) -> bool:
    """Is this neither torch, nor steadygraph, nor the standard library, nor made at run time?"""
    if path.startswith("<"):
        return False
    if path.startswith((_TORCH, _STEADYGRAPH)):
        return False
    return "site-packages" in path or not path.startswith(_STDLIB)


def of_frame(frame: traceback.FrameSummary) -> Location:
    # linecache, not frame.line: the summary may have been made without looking the text up.
    line = frame.lineno or 0
    text = linecache.getline(frame.filename, line).strip() or None
    return Location(frame.filename, line, _plain_name(frame.name), text)


def _plain_name(function: str) -> str:
    """Dynamo's resume functions are named after the function that they go on with."""
    prefix, separator, line = function.rpartition("_at_")
    if separator and line.isdigit() and prefix.startswith("torch_dynamo_resume_in_"):
        return prefix.removeprefix("torch_dynamo_resume_in_")
    return function


def of_stack(stack: Sequence[traceback.FrameSummary] | None) -> Location | None:
    """The innermost line of the user's own code; the innermost line at all if there is none."""
    if not stack:
        return None
    for frame in reversed(stack):
        if is_user_file(frame.filename):
            return of_frame(frame)
    return of_frame(stack[-1])


def running() -> Location | None:
    """The innermost line of the user's own code that is running; None if there is none."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_user_file(frame.f_code.co_filename):
            return of_line(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None


def of_code(code: types.CodeType) -> Location:
    return of_line(code, code.co_firstlineno)


def of_line(code: types.CodeType, line: int) -> Location:
    """A line of running code."""
    text = linecache.getline(code.co_filename, line).strip() or None
    return Location(code.co_filename, line, _plain_name(code.co_name), text)


def code_of(function: object) -> types.CodeType | None:
    """The code object of a function or bound method; None for what has none."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code if isinstance(code, types.CodeType) else None


def of_function(function: object) -> Location | None:
    """Where a function or bound method is defined, decorators looked through."""
    code = code_of(inspect.unwrap(function)) if callable(function) else None
    return None if code is None else of_code(code)


def of_class(cls: type) -> Location | None:
    """Where a class is defined; None where there is no source of it."""
    try:
        lines, first = inspect.getsourcelines(cls)
        return Location(inspect.getfile(cls), first, cls.__qualname__, lines[0].strip())
    except (OSError, TypeError, IndexError):
        return None


def of_failure(error: BaseException) -> Failure:
    """The exception as a value: class name, first paragraph of the message, innermost user line."""
    message = str(error).strip().split("\n\n")[0]
    return Failure(type(error).__name__, message, of_stack(traceback.extract_tb(error.__traceback__)))
