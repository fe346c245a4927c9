"""Running functions that the user wrote: whatever they raise becomes a TargetError that says where."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from steadygraph.case import phase
from steadygraph.case.their_code import TheirError
from steadygraph.errors import LeftOutError, SteadygraphError, TargetError, raised
from steadygraph.redaction.text import redacted

#: Set to 1, whole tracebacks are printed to stderr, of user code and of steadygraph itself.
TRACEBACK_VARIABLE = "STEADYGRAPH_TRACEBACK"
TRACEBACK_HINT = f"set {TRACEBACK_VARIABLE}=1 to see the whole traceback"
EXIT_HINT = "a target must not end the process"
ENVIRONMENT_HINT = "install it into the environment of steadygraph, or add its directory to PYTHONPATH"

_MESSAGE_LIMIT = 400
#: Bits of a number that anybody means; Python refuses to write down those of 4,300 digits.
_LONGEST_CODE = 64
#: The descriptor of the built-in class, which no subclass can replace.
_DICT: Any = vars(BaseException)["__dict__"]
#: What Python raises about source code; a subclass of the user's may have no line.
_SYNTAX_ERRORS = (SyntaxError, IndentationError, TabError)
_STEADYGRAPH = str(Path(__file__).parents[1]) + os.sep
_STDLIB = sysconfig.get_paths()["stdlib"] + os.sep


@contextmanager
def guarded(action: str) -> Iterator[None]:
    """Turn what user code raises into a TargetError.

    Args:
        action: What is going on, as the subject of a sentence: ``build() of case.py``.

    Raises:
        TargetError: ``build() of case.py raised ValueError: no width (case.py:12)``, and no word of what was raised
            beyond that: it may hold what must not leave the machine.  Deliberate errors of steadygraph and
            KeyboardInterrupt pass unchanged.
        LeftOutError: It raised ``unittest.SkipTest``; the sentence is what that says.
    """
    phase.begins(action)
    try:
        yield
    except (SteadygraphError, KeyboardInterrupt):
        raise
    except SystemExit as error:
        raise TargetError(f"{action} called sys.exit({_exit_code(error)}){_at(error)}", hint=EXIT_HINT) from None
    except MemoryError as error:
        problem = f"{action} ran out of memory{_at(error)}"
        raise TargetError(problem, hint="use a smaller configuration of the model") from None
    except BaseException as caught:
        theirs = caught.raised if type(caught) is TheirError else caught
        if _skips(theirs):
            raise LeftOutError(_line(raised.text(theirs)) or f"{action} raised SkipTest") from None
        show_traceback(theirs)
        raise TargetError(f"{action} raised {describe(theirs)}", hint=_hint(theirs)) from None


@contextmanager
def faults_of_the_target() -> Iterator[None]:
    """Turn what code of the target raises, wherever an analysis comes upon it, into a TargetError.

    So are SystemExit and MemoryError, whoever raised them.  All else is a fault of steadygraph, and passes.
    """
    try:
        yield
    except (SteadygraphError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if not (issubclass(type(error), SystemExit | MemoryError | TheirError) or raised.is_theirs(error)):
            raise
        with guarded("the target"):
            raise


def describe(error: BaseException) -> str:
    """``ValueError: no width (case.py:12)``: class name, first paragraph, innermost line of user code."""
    paragraph = _line(raised.text(error))
    name = raised.name(error)
    return f"{name}: {paragraph}{_at(error)}" if paragraph else f"{name}{_at(error)}"


def _line(said: str) -> str:
    """The first paragraph of what somebody else wrote, on one line: first redacted, then cut."""
    paragraph = " ".join(redacted(said).strip().split("\n\n")[0].split())
    return paragraph if len(paragraph) <= _MESSAGE_LIMIT else f"{paragraph[:_MESSAGE_LIMIT]}..."


def show_traceback(error: BaseException) -> None:
    """Print the whole traceback to stderr if the user asked for it."""
    if os.environ.get(TRACEBACK_VARIABLE) == "1":
        with suppress(Exception):
            traceback.print_exception(error, file=sys.stderr)


def is_user_file(path: str) -> bool:
    """Is this neither steadygraph, nor torch, nor the standard library, nor made at run time?"""
    if path.startswith(("<", _STEADYGRAPH)):
        return False
    # Asking the module would import it.
    torch = sys.modules.get("torch")
    if torch is not None and torch.__file__ and path.startswith(str(Path(torch.__file__).parent) + os.sep):
        return False
    return "site-packages" in path or not path.startswith(_STDLIB)


def readable_path(path: str) -> str:
    """Relative to the working directory where it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere, or the target removed the working directory
        return path


def _skips(error: BaseException) -> bool:
    """Is it ``unittest.SkipTest``?  Whoever raises it has imported it."""
    module = sys.modules.get("unittest.case")
    return module is not None and type(error) is vars(module).get("SkipTest")


def _exit_code(error: SystemExit) -> str:
    code = vars(SystemExit)["code"].__get__(error)
    if type(code) is str or (type(code) is int and code.bit_length() < _LONGEST_CODE):
        return _line(repr(code))
    return "" if code is None else f"<{type(code).__name__}>"


def _hint(error: BaseException) -> str:
    if issubclass(type(error), ModuleNotFoundError):
        return ENVIRONMENT_HINT
    hint = _DICT.__get__(error).get("hint")
    return _line(hint) if type(hint) is str else TRACEBACK_HINT


def _at(error: BaseException) -> str:
    """`` (case.py:12)``, or nothing if no line of the user's took part."""
    if type(error) in _SYNTAX_ERRORS:
        filename, line = cast(SyntaxError, error).filename, cast(SyntaxError, error).lineno
        if type(filename) is str and type(line) is int and 0 < line.bit_length() < _LONGEST_CODE:
            return f" ({readable_path(filename)}:{line})"
    for frame in reversed(raised.stack(error)):
        if is_user_file(frame.filename):
            return f" ({readable_path(frame.filename)}:{frame.lineno})"
    return ""
