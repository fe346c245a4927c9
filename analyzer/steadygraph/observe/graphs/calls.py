"""Calls in bytecode as Python 3.13 makes them, for depyf, which reads them as they were before.

NULL stands on the stack behind what is called, and no longer in front of it.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from typing import Any

_STEPS = [step.opname for step in dis.get_instructions(compile("f()", "<call>", "eval"))]
_NULL_BEHIND = _STEPS.index("LOAD_NAME") < _STEPS.index("PUSH_NULL")


def readings(decompiler: Any) -> dict[str, Callable[..., object]]:
    """How instructions are to be read that depyf's class reads in another way; none where it reads them as they are."""
    if not _NULL_BEHIND:
        return {}
    return {
        "LOAD_GLOBAL": _then_null(decompiler.LOAD_GLOBAL),
        "CALL": _without_null(decompiler.CALL, lambda count: count),
        "CALL_KW": _without_null(decompiler.CALL_FUNCTION_KW, lambda count: count + 1),  # the names of keywords
        "CALL_FUNCTION_EX": _without_null(decompiler.CALL_FUNCTION_EX, lambda has_keywords: 1 + has_keywords),
    }


def _then_null(read: Callable[..., object]) -> Callable[..., object]:
    def load(decompiler: Any, step: Any) -> object:
        done = read(decompiler, step)
        if step.argrepr.endswith("+ NULL"):
            decompiler.state.stack.append(None)
        return done

    return load


def _without_null(read: Callable[..., object], above: Callable[[int], int]) -> Callable[..., object]:
    """Read a call once the NULL is gone that so many values stand above: depyf calls what is below the values."""

    def call(decompiler: Any, step: Any) -> object:
        stack = decompiler.state.stack
        null = len(stack) - 1 - above(step.argval)
        if null >= 0 and stack[null] is None:
            del stack[null]
        return read(decompiler, step)

    return call
