"""The locals of a frame before it exists: what Dynamo's guards will be asked about."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steadygraph.observe.guards.decorated import closure


def bind(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """What ``f_locals`` of ``function``'s frame will be when it is called with these arguments.

    Args:
        function: A Python function or bound method; decorators are not looked through, since the frame that Dynamo
            sees is the outermost one.
        args: Positional arguments, without ``self`` for a bound method.
        kwargs: Keyword arguments.

    Returns:
        Parameters by their own names (``self`` included, ``*args`` as a tuple, ``**kwargs`` as a dict) and the contents
        of closure cells; None if the arguments do not fit or there is no Python frame.
    """
    plain = getattr(function, "__func__", function)
    if not isinstance(plain, types.FunctionType):
        return None
    bound_self = (function.__self__,) if isinstance(function, types.MethodType) else ()
    try:
        bound = _signature(plain).bind(*bound_self, *args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    return {**bound.arguments, **closure(plain)}


def _signature(function: types.FunctionType) -> inspect.Signature:
    return inspect.signature(function, follow_wrapped=False)


def self_name(function: Callable[..., Any]) -> str | None:
    """The name of the first parameter of a bound method: what Dynamo calls ``L['self']``."""
    if not isinstance(function, types.MethodType):
        return None
    code = function.__func__.__code__
    return code.co_varnames[0] if code.co_argcount else None
