"""From Python's stack summaries to lines of the user's model."""

from __future__ import annotations

import dis
import inspect
import linecache
import re
import sys
import sysconfig
import tokenize
import traceback
import types
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch

from steadygraph.errors import raised
from steadygraph.model import Failure, Location
from steadygraph.observe.places import decorators
from steadygraph.redaction.text import redacted

_TORCH = str(Path(torch.__file__).parent)
_STEADYGRAPH = str(Path(__file__).parents[2])
#: Installed along with torch, which computes with them: symbols of sizes, arrays.
_OF_TORCH = tuple(str(Path(torch.__file__).parents[1] / name) + "/" for name in ("sympy", "mpmath", "numpy"))
_TRACED_LINE = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
_STDLIB = sysconfig.get_paths()["stdlib"]


@lru_cache(maxsize=4096)
def is_user_file(path: str) -> bool:
    """Is this neither torch, nor steadygraph, nor the standard library, nor made at run time?"""
    if path.startswith("<"):
        return False
    if path.startswith((_TORCH, _STEADYGRAPH, *_OF_TORCH)):
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
    """The innermost line of the user's own code, lines of decorators last; the innermost line at all if there is none.

    Lines of torch, and of what torch computes with, are nobody's own.
    """
    return (where_model_calls(stack) or innermost(stack)) if stack else None


@lru_cache(maxsize=4096)
def of_trace(trace: str) -> Location | None:
    """The same of a stack that was printed, as Dynamo attaches it to what it traces."""
    found = _TRACED_LINE.findall(trace)
    return of_stack([traceback.FrameSummary(path, int(line), name, lookup_line=False) for path, line, name in found])


def where_model_reads(stack: Sequence[traceback.FrameSummary]) -> Location | None:
    """The innermost line of the user's own code; None if that is not the model's but a decorator's."""
    frames, whole = _of_model(stack)
    return of_frame(frames[-1]) if whole else None


def where_model_calls(stack: Sequence[traceback.FrameSummary]) -> Location | None:
    """The innermost line of the model's, whatever it calls there; None if all are lines of decorators."""
    frames, _ = _of_model(stack)
    return of_frame(frames[-1]) if frames else None


def _of_model(stack: Sequence[traceback.FrameSummary]) -> tuple[list[traceback.FrameSummary], bool]:
    return decorators.of_model([frame for frame in stack if is_user_file(frame.filename)])


def innermost(stack: Sequence[traceback.FrameSummary]) -> Location:
    """The innermost line of code that is not torch's, whoever's it is; the innermost line at all if there is none."""
    return of_frame(next((frame for frame in reversed(stack) if is_user_file(frame.filename)), stack[-1]))


def running() -> Location | None:
    """The innermost line of the user's own code that is running; None if there is none."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_user_file(frame.f_code.co_filename):
            return of_line(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None


def callers(outermost: types.CodeType | None) -> list[traceback.FrameSummary]:
    """The frames of the user's own code that are running, outermost first: those that a frame of this code has called.

    None if no such frame runs.
    """
    found: list[traceback.FrameSummary] = []
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not outermost:
        code = frame.f_code
        if frame.f_lineno and is_user_file(code.co_filename):
            found.append(traceback.FrameSummary(code.co_filename, frame.f_lineno, code.co_name, lookup_line=False))
        frame = frame.f_back
    return [] if frame is None else found[::-1]


def frame_of(code: types.CodeType) -> traceback.FrameSummary:
    """A frame that is at the first line of its code."""
    return traceback.FrameSummary(code.co_filename, code.co_firstlineno, code.co_name, lookup_line=False)


def of_code(code: types.CodeType) -> Location:
    return of_line(code, code.co_firstlineno)


def of_definition(code: types.CodeType) -> Location:
    """The line with a function's name: the first one of its code may be that of a decorator."""
    try:
        lines = inspect.getblock(linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :])
    except (SyntaxError, tokenize.TokenError):  # the file is no longer what it was
        lines = []
    named = (place for place, line in enumerate(lines) if line.lstrip().startswith(("def ", "async def ")))
    return of_line(code, code.co_firstlineno + next(named, 0))


def of_line(code: types.CodeType, line: int) -> Location:
    """A line of running code."""
    text = linecache.getline(code.co_filename, line).strip() or None
    return Location(code.co_filename, line, _plain_name(code.co_name), text)


def first_use(code: types.CodeType, name: str) -> Location | None:
    """The first line of a function that names one of its parameters; None if none does."""
    for one in dis.get_instructions(code):
        if name in _variables(one) and one.positions and one.positions.lineno:
            return of_line(code, one.positions.lineno)
    return None


def _variables(instruction: dis.Instruction) -> tuple[str, ...]:
    """The variables that an instruction reads: two at once, or one beside one that is written, from Python 3.13 on."""
    names, does = instruction.argval, instruction.opname
    if "_FAST" not in does and does not in ("LOAD_DEREF", "LOAD_CLOSURE"):
        return ()
    names = names if isinstance(names, tuple) else (names,)
    return names[does.count("STORE") :] if "LOAD" in does else ()


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
    except (OSError, TypeError, IndexError, SyntaxError):  # the file is no longer what it was
        return None


def of_failure(error: BaseException) -> Failure:
    """The exception as a value: class name, first paragraph of the message, innermost user line."""
    message = redacted(raised.text(error)).strip().split("\n\n")[0]
    return Failure(raised.name(error), message, of_stack(raised.stack(error)))
