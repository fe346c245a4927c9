"""The guards of the arguments alone, and the locals that they are asked about: microseconds, however deep the model."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from steadygraph.observe.guards.sources import Names
from steadygraph.torch_private import wording
from steadygraph.torch_private.guards import GuardTree

Binder = Callable[[Sequence[Any], Mapping[str, Any]], Mapping[str, Any]]


class _Named:
    """A default value, by the name under which it is held."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


def binder(function: Callable[..., Any]) -> Binder:
    """What gives the parameters of a function by name, made for its signature: Python's own takes ten times as long."""
    parameters = _signature(function).parameters.values()
    held = {f"default_of_{one.name}": one.default for one in parameters if one.default is not one.empty}
    declared = inspect.Signature(
        [
            one.replace(
                annotation=one.empty,
                default=one.empty if one.default is one.empty else _Named(f"default_of_{one.name}"),
            )
            for one in parameters
        ]
    )
    names = ", ".join(f"{one.name!r}: {one.name}" for one in parameters)
    bound = eval(f"lambda {str(declared)[1:-1]}: {{{names}}}", held)
    receiver = (function.__self__,) if isinstance(function, types.MethodType) else ()

    def bind(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        return bound(*receiver, *args, **kwargs)  # type: ignore[no-any-return]

    return bind


def parameters(function: Callable[..., Any]) -> Sequence[str]:
    """The names of the parameters of a function, that of its receiver included."""
    return [*_signature(function).parameters]


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(getattr(function, "__func__", function), follow_wrapped=False)


def of_arguments(tree: GuardTree, names: Names) -> GuardTree:
    """The guards of arguments, sizes and process-wide state: without what hangs on the module or is global."""
    others = {names.receiver, *names.variables}
    return tree.with_sources(lambda source: wording.root_local(source) not in (None, *others))


def without(tree: GuardTree, violated: Collection[str]) -> GuardTree:
    """The same guards without those of some sources, and of what hangs on them."""
    return tree.with_sources(lambda source: not any(map(source.startswith, violated)))
