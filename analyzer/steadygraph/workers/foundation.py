"""What steadygraph stands on in the process of a target, put back once the target has run: how it went can be told."""

from __future__ import annotations

import builtins
import sys
import types
from typing import Any

_BUILTINS = vars(builtins)
_CALLABLE = (types.FunctionType, types.BuiltinFunctionType, type)


class Foundation:
    """Modules, and the functions and classes of Python and of steadygraph, as they are before a target runs."""

    def __init__(self) -> None:
        self._modules = dict(sys.modules)
        self._names = [
            (name, vars(module), {own: value for own, value in vars(module).items() if isinstance(value, _CALLABLE)})
            for name, module in self._modules.items()
            if _carries(name) and isinstance(module, types.ModuleType)
        ]
        finders: tuple[list[Any], ...] = (sys.meta_path, sys.path_hooks)
        self._finders = [(each, list(each)) for each in finders]
        self._depth = sys.getrecursionlimit()

    def put_back(self) -> list[str]:
        """Undo what was changed, and name it.  No built-in function is called here: any may be another one by now."""
        changed = []
        for name, now, before in self._names:
            for own in before:
                if own not in now or now[own] is not before[own]:
                    changed.append(own if now is _BUILTINS else f"{name}.{own}")
                    now[own] = before[own]
        for name in self._modules:
            if name not in sys.modules or sys.modules[name] is not self._modules[name]:
                changed.append(f"sys.modules[{name!r}]")
                sys.modules[name] = self._modules[name]
        for finders, before_them in self._finders:
            if finders != before_them:
                changed.append("sys.meta_path" if finders is sys.meta_path else "sys.path_hooks")
                finders[:] = before_them
        if sys.getrecursionlimit() < self._depth:
            changed.append("sys.setrecursionlimit()")
            sys.setrecursionlimit(self._depth)
        return changed


def _carries(name: str) -> bool:
    root = name.partition(".")[0]
    return root.startswith("steadygraph") or root in sys.stdlib_module_names
