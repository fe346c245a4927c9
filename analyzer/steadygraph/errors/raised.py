"""An exception that somebody else's code raised, asked in a way that runs none of that code, or survives it.

Its class may define ``__str__``, ``__class__``, ``__cause__``, ``__getattr__``: whoever asks plainly is told lies, gets
another exception in return, or ends the process.
"""

from __future__ import annotations

import dis
import os
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import FrameSummary
from types import CodeType, TracebackType
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_STEADYGRAPH = str(Path(__file__).parents[1]) + os.sep
_STDLIB = sysconfig.get_paths()["stdlib"] + os.sep
#: Characters of a text, and links of a chain, that anybody looks at.
_LONGEST, _MOST_LINKS = 100_000, 100
#: Descriptors of the built-in class, which no subclass can replace.
_NAME: Any = type.__dict__["__name__"]
_TRACEBACK: Any = BaseException.__dict__["__traceback__"]
_CAUSE: Any = BaseException.__dict__["__cause__"]
_CONTEXT: Any = BaseException.__dict__["__context__"]
_CALL_WITH_ARGUMENTS = dis.opmap["CALL_FUNCTION_EX"]
_PASSING: set[CodeType] = set()


def text(error: BaseException) -> str:
    """What it says; where that cannot be had, why."""
    try:
        said = str.__str__(str(error))  # a subclass of str may be what is returned
    except KeyboardInterrupt:
        raise
    except BaseException as another:
        return f"(its text cannot be read: {name(another)})"
    return said[:_LONGEST]


def name(error: BaseException) -> str:
    """The name of its class."""
    return str.__str__(_NAME.__get__(type(error)))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, what it was raised because of, and so on; a chain that bites its tail ends there."""
    seen: list[BaseException] = []
    while error is not None and len(seen) < _MOST_LINKS and not any(error is one for one in seen):
        seen.append(error)
        yield error
        cause = _CAUSE.__get__(error)
        error = _CONTEXT.__get__(error) if cause is None else cause


def stack(error: BaseException) -> list[FrameSummary]:
    """Where it was raised, outermost frame first.  No source is read: a file by that name may be anything."""
    codes = ((step.tb_frame.f_code, step.tb_lineno) for step in reversed(_steps(error)))
    return [FrameSummary(code.co_filename, line, code.co_name, lookup_line=False) for code, line in codes]


def passes_on(function: Function) -> Function:
    """A function of steadygraph that does what the code which calls it asks for: if that raises, it began there.

    Those that call ``something(*args, **kwargs)`` are known by that.
    """
    _PASSING.add(function.__code__)
    return function


def is_ours(error: BaseException) -> bool:
    """Was it raised in a line of steadygraph itself, and not by what such a line was given to call?"""
    step = next((step for step in _steps(error) if not _is_stdlib(step.tb_frame.f_code)), None)
    return step is not None and _is_steadygraph(step.tb_frame.f_code) and not _passes_on(step)


def is_theirs(error: BaseException) -> bool:
    """Was it raised by code of the user's, or by a library that this called?"""
    steps = _steps(error)
    step = next((s for s in steps if _is_steadygraph(s.tb_frame.f_code) or not _is_library(s.tb_frame.f_code)), None)
    return step is not None and (not _is_steadygraph(step.tb_frame.f_code) or _passes_on(step))


def _steps(error: BaseException) -> list[TracebackType]:
    """The frames that it went through, innermost first."""
    steps, step = [], _TRACEBACK.__get__(error)
    while step is not None:
        steps.append(step)
        step = step.tb_next
    return steps[::-1]


def _passes_on(step: TracebackType) -> bool:
    """Does a frame call something with arguments that it was given, as in ``operator(*args, **kwargs)``?"""
    code = step.tb_frame.f_code
    return code in _PASSING or code.co_code[step.tb_lasti] == _CALL_WITH_ARGUMENTS


def _is_steadygraph(code: CodeType) -> bool:
    return code.co_filename.startswith(_STEADYGRAPH)


def _is_stdlib(code: CodeType) -> bool:
    return code.co_filename.startswith(("<frozen ", _STDLIB)) and not _is_installed(code)


def _is_library(code: CodeType) -> bool:
    """Code that is made at run time is that of its caller."""
    return code.co_filename.startswith("<") or _is_stdlib(code) or _is_installed(code)


def _is_installed(code: CodeType) -> bool:
    return f"{os.sep}site-packages{os.sep}" in code.co_filename
