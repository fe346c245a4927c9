"""The function that users call, where Dynamo sees the frame of a decorator around it."""

from __future__ import annotations

import dis
import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steadygraph.torch_private import code_before_breaks

_VARIADIC = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
#: Stands for the default of a parameter that has none, or that nobody knows.
NO_DEFAULT = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Decorated:
    """The parameters behind a decorator, as the entries of its ``*args`` and ``**kwargs`` are called.

    Args:
        code: Of the decorated function.
        positional: The parameters that ``*args`` fill, in order.
        rest: Its own ``*rest``, which takes what is left.
        defaults: Of all its parameters that have one.
        receiver: Of a bound method, what it calls the object that it is bound to.
    """

    code: types.CodeType
    positional: tuple[str, ...] = ()
    rest: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    receiver: str | None = None

    def position(self, index: int) -> str | None:
        """What the entry of ``*args`` at an index is called; None if it has no parameter."""
        if index < len(self.positional):
            return self.positional[index]
        return None if self.rest is None else f"{self.rest}[{index - len(self.positional)}]"


def behind(code: types.CodeType, f_locals: Mapping[str, Any]) -> Decorated | None:
    """The function around which the frame of ``code`` is put; None if it is around none.

    That is a frame with ``*args`` or ``**kwargs`` that closes over one function or bound method, whether
    ``functools.wraps`` was used or not; decorators may stand on decorators.  Of several functions it is the one that
    the frame hands its arguments to.
    """
    code = code_before_breaks(code)
    inner = _around(code, {name: f_locals.get(name) for name in code.co_freevars})
    if inner is None:
        return None
    own = list(inspect.signature(inner, follow_wrapped=False).parameters.values())
    filled = [one.name for one in own if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return Decorated(
        code=inner.__code__,
        positional=tuple(filled[code.co_argcount :]),
        rest=next((one.name for one in own if one.kind is one.VAR_POSITIONAL), None),
        defaults={one.name: one.default for one in own if one.default is not NO_DEFAULT},
        receiver=inner.__func__.__code__.co_varnames[0] if isinstance(inner, types.MethodType) else None,
    )


def closure(function: types.FunctionType | types.MethodType) -> dict[str, Any]:
    """The variables that a function closes over; those that are not assigned yet are left out."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # an empty cell: assigned later, or never
            continue
    return found


def _around(
    code: types.CodeType, variables: Mapping[str, Any], wrapped: object = None
) -> types.FunctionType | types.MethodType | None:
    # A decorator's function may ask whether it is the outermost one, and so close over itself.
    functions = {
        name: value
        for name, value in variables.items()
        if isinstance(value, types.FunctionType | types.MethodType) and value.__code__ is not code
    }
    # torch.no_grad() closes over a factory of contexts as well: functools.wraps tells which of them it is around.
    named = [value for value in functions.values() if value is wrapped]
    handed = [value for name, value in functions.items() if name in _handed_on_to(code)]
    found = named or handed or list(functions.values())
    if len(found) != 1 or not _passes_on(code):
        return None
    (inner,) = found
    deeper = _around(inner.__code__, closure(inner), getattr(inner, "__wrapped__", None)) or inner
    if isinstance(inner, types.MethodType) and isinstance(deeper, types.FunctionType):
        return types.MethodType(deeper, inner.__self__)
    return deeper


def _handed_on_to(code: types.CodeType) -> set[str]:
    """Names of the closed-over variables that are called with ``*args`` or ``**kwargs``: ``inner(self, *args)``."""
    instructions = list(dis.get_instructions(code))
    calls = {_start(one) for one in instructions if one.opname == "CALL_FUNCTION_EX"}
    return {one.argval for one in instructions if one.argval in code.co_freevars and _start(one) in calls}


def _start(instruction: dis.Instruction) -> tuple[int | None, int | None]:
    """Where the expression begins: a call begins where the name of the function does."""
    place = instruction.positions
    return (None, None) if place is None else (place.lineno, place.col_offset)


def _passes_on(code: types.CodeType) -> bool:
    """Does it take ``*args`` or ``**kwargs``, and call something with such?"""
    return bool(code.co_flags & _VARIADIC) and any(one.opname == "CALL_FUNCTION_EX" for one in dis.Bytecode(code))
