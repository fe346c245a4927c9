"""JSON from a file, or from what was piped: complaints name where it came from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from steadygraph.case.user_code import readable_path
from steadygraph.errors import UsageError, reading

Value = TypeVar("Value")


def read(file: Path, parse: Callable[[str], Value], hint: str) -> Value:
    """What ``parse`` makes of a file.

    Raises:
        UsageError: The file cannot be read, is no text, or ``parse`` raises it.
    """
    shown = readable_path(str(file))
    try:
        content = reading.content(file, piped=True)
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {error.strerror}", hint=hint) from error
    return _parsed(content, shown, parse, hint)


def piped(parse: Callable[[str], Value], hint: str) -> Value:
    """The same of standard input."""
    name = "standard input"
    try:
        content = reading.limited(sys.stdin.buffer)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}", hint=hint) from error
    return _parsed(content, name, parse, hint)


def _parsed(content: bytes, name: str, parse: Callable[[str], Value], hint: str) -> Value:
    try:
        # What PowerShell writes starts with a byte order mark.
        return parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not text in UTF-8", hint=hint) from error
    except UsageError as error:
        raise UsageError(f"{name}: {error.problem}", hint=error.hint) from None
