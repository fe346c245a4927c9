"""Running functions that the user wrote: whatever they raise becomes a TargetError that says where."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steadygraph.errors import SteadygraphError, TargetError

#: Set to 1, whole tracebacks are printed to stderr, of user code and of steadygraph itself.
TRACEBACK_VARIABLE = "STEADYGRAPH_TRACEBACK"
TRACEBACK_HINT = f"set {TRACEBACK_VARIABLE}=1 to see the whole traceback"
EXIT_HINT = "a target must not end the process"
ENVIRONMENT_HINT = "install it into the environment of steadygraph, or add its directory to PYTHONPATH"

_MESSAGE_LIMIT = 400
_STEADYGRAPH = str(Path(__file__).parents[1]) + os.sep
_STDLIB = sysconfig.get_paths()["stdlib"] + os.sep


@contextmanager
def guarded(action: str) -> Iterator[None]:
    """Turn what user code raises into a TargetError.

    Args:
        action: What is going on, as the subject of a sentence: ``build() of case.py``.

    Raises:
        TargetError: ``build() of case.py raised ValueError: no width (case.py:12)``.  Deliberate errors of steadygraph
            and KeyboardInterrupt pass unchanged.
    """
    try:
        yield
    except (SteadygraphError, KeyboardInterrupt, GeneratorExit):
        raise
    except SystemExit as error:
        problem = f"{action} called sys.exit({'' if error.code is None else repr(error.code)}){_at(error)}"
        raise TargetError(problem, hint=EXIT_HINT) from error
    except MemoryError as error:
        problem = f"{action} ran out of memory{_at(error)}"
        raise TargetError(problem, hint="use a smaller configuration of the model") from error
    except BaseException as error:
        show_traceback(error)
        hint = ENVIRONMENT_HINT if isinstance(error, ModuleNotFoundError) else getattr(error, "hint", TRACEBACK_HINT)
        raise TargetError(f"{action} raised {describe(error)}", hint=hint) from error


@contextmanager
def exits_of_the_target() -> Iterator[None]:
    """Turn SystemExit and MemoryError, wherever they come from in an analysis, into a TargetError."""
    try:
        yield
    except (SystemExit, MemoryError):
        with guarded("the target"):
            raise


def describe(error: BaseException) -> str:
    """``ValueError: no width (case.py:12)``: class name, first paragraph, innermost line of user code."""
    paragraph = " ".join(str(error).strip().split("\n\n")[0].split())
    if len(paragraph) > _MESSAGE_LIMIT:
        paragraph = paragraph[:_MESSAGE_LIMIT] + "..."
    name = type(error).__name__
    return f"{name}: {paragraph}{_at(error)}" if paragraph else f"{name}{_at(error)}"


def show_traceback(error: BaseException) -> None:
    """Print the whole traceback to stderr if the user asked for it."""
    if os.environ.get(TRACEBACK_VARIABLE) == "1":
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


def _at(error: BaseException) -> str:
    """`` (case.py:12)``, or nothing if no line of the user's took part."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f" ({readable_path(error.filename)}:{error.lineno})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_user_file(frame.filename):
            return f" ({readable_path(frame.filename)}:{frame.lineno})"
    return ""
