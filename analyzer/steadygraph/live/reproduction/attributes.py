"""What the code looks at beside its arguments and may find changed: attributes of modules, and module-level names."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import nn

from steadygraph.live.reproduction.objects import NotRebuiltError
from steadygraph.live.reproduction.values import Rebuilding
from steadygraph.observe.inputs.objects import instance_dict
from steadygraph.observe.state import code_state

#: ``(module, name)``: of a module of the model by its path, of a Python module by its name.
Place = tuple[str, str]
_PLAIN = (bool, int, float, str, type(None))
#: Longer containers are state that grows and no setting.
_LONGEST = 64


def of_model(model: nn.Module) -> dict[Place, Any]:
    """Plain attributes and small containers of all modules, train mode among them."""
    return {
        (path, name): _copied(value)
        for path, module in model.named_modules()
        for name, value in (instance_dict(module) or {}).items()
        if _is_kept(name, value)
    }


def of_globals(functions: Iterable[types.FunctionType]) -> dict[Place, Any]:
    """Plain values that functions find by a module-level name, or as one of a module that they mention."""
    found: dict[Place, Any] = {}
    for function in code_state.functions_of(functions):
        names = code_state.mentioned(function.__code__)
        spaces = [function.__globals__]
        spaces += [vars(one) for one in map(function.__globals__.get, names) if type(one) is types.ModuleType]
        for space in spaces:
            held = ((name, space[name]) for name in names if name in space)
            found |= {(str(space["__name__"]), name): _copied(value) for name, value in held if _is_kept(name, value)}
    return found


def changed(before: Mapping[Place, Any], now: Mapping[Place, Any]) -> Iterator[Place]:
    """Where the value is another one."""
    for place in before.keys() & now.keys():
        if type(before[place]) is not type(now[place]) or repr(before[place]) != repr(now[place]):
            yield place


def statement(place: Place, value: Any, *, of_model: bool) -> str:
    """Sets it again.

    Raises:
        NotRebuiltError: That cannot be written.
    """
    holder, name = place
    code = Rebuilding().code(value)
    if of_model:
        return f"setattr(model.get_submodule({holder!r}), {name!r}, {code})"
    if holder != "__main__" and holder not in sys.modules:
        raise NotRebuiltError(f"{holder} cannot be imported")
    return f"setattr({'script' if holder == '__main__' else f'sys.modules[{holder!r}]'}, {name!r}, {code})"


def _is_kept(name: str, value: Any) -> bool:
    kind = type(value)
    if name.startswith("__"):
        return False
    if kind in _PLAIN:
        return True
    if kind not in (list, tuple, dict) or len(value) > _LONGEST:
        return False
    return all(type(one) in _PLAIN for one in (value.values() if kind is dict else value))


def _copied(value: Any) -> Any:
    return type(value)(value) if type(value) in (list, dict) else value
