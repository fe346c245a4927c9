"""What a model's own code reaches by name and may change: module-level names, closures, defaults, class attributes.

A forward that counts in a global, a memo in a closure, a list as a default argument: state of the model all the same,
though no attribute of it.  Only code of the user's own files is opened, and only names that it mentions.
"""

from __future__ import annotations

import enum
import functools
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import nn

from steadygraph.observe.places.locations import is_user_file
from steadygraph.observe.state.kept import MISSING, Binding, Kept

_LruCache: Any = type(functools.lru_cache(len))
#: What stands in the namespace of a class besides data.
_DESCRIPTORS = (
    types.FunctionType,
    staticmethod,
    classmethod,
    property,
    functools.cached_property,
    types.MemberDescriptorType,
)

#: (one binding, (name, value) of what hangs on it); either may be None.
Reached = tuple[Kept | None, tuple[str, Any] | None]


def is_own_code(path: str) -> bool:
    """Is this a file of the user's project, not of an installed package?"""
    return is_user_file(path) and "site-packages" not in path


def of_function(function: types.FunctionType) -> Iterator[Reached]:
    """Module-level names that the function mentions, its closure, its default arguments."""
    if not is_own_code(function.__code__.co_filename):
        return
    names = mentioned(function.__code__)
    for name in names:
        yield _binding(function.__globals__, name)
        value = function.__globals__.get(name)
        if type(value) is types.ModuleType and is_own_code(getattr(value, "__file__", None) or "<built in>"):
            yield from (_binding(vars(value), attribute) for attribute in names)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield _cell(name, cell)
    yield None, (f"{function.__name__}.__defaults__", function.__defaults__)
    yield None, (f"{function.__name__}.__kwdefaults__", function.__kwdefaults__)
    yield None, (function.__name__, getattr(function, "__wrapped__", None))


def names_in(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Module-level names that the methods of a model's own classes mention, and the functions that these call.

    Each with the namespace that it stands in.  Of two files that use one name for two things the first one counts.
    """
    found: dict[str, dict[str, Any]] = {}
    for function in functions_of(methods_in(model)):
        for name in mentioned(function.__code__):
            value = function.__globals__.get(name, MISSING)
            if value is not MISSING and type(value) is not types.FunctionType:
                found.setdefault(name, function.__globals__)
    return found


def methods_in(model: nn.Module) -> list[types.FunctionType]:
    """The methods of the classes of a model's modules."""
    return [function for cls in {type(module) for module in model.modules()} for function in _methods(cls)]


def functions_of(begin: Iterable[types.FunctionType]) -> Iterator[types.FunctionType]:
    """Functions of the user's own files: these, and those that they call by a module-level name."""
    waiting = list(begin)
    seen: set[types.FunctionType] = set()
    while waiting:
        function = waiting.pop()
        if function in seen or not is_own_code(function.__code__.co_filename):
            continue
        seen.add(function)
        yield function
        found = map(function.__globals__.get, mentioned(function.__code__))
        waiting += [value for value in found if type(value) is types.FunctionType]


def _asked(cls: type, attribute: str) -> Any:
    """An attribute of a class, whatever its own class would answer."""
    return type.__getattribute__(cls, attribute)


def _own(cls: type) -> Mapping[str, Any]:
    namespace: Mapping[str, Any] = _asked(cls, "__dict__")
    return namespace


def _methods(cls: type) -> Iterator[types.FunctionType]:
    for base in _asked(cls, "__mro__"):
        yield from (value for value in _own(base).values() if type(value) is types.FunctionType)


def of_class(cls: type) -> Iterator[Reached]:
    """The data in a class' namespace, and the code of its methods."""
    file = getattr(sys.modules.get(_asked(cls, "__module__")), "__file__", None)
    if file is None or not is_own_code(file) or issubclass(cls, enum.Enum):
        return
    for name, value in list(_own(cls).items()):
        if issubclass(type(value), _DESCRIPTORS):
            for part in ("__func__", "fget", "func"):
                yield None, (name, getattr(value, part, None))
            yield None, (name, value if isinstance(value, types.FunctionType) else None)
        elif not name.startswith("__"):
            read, write = (
                functools.partial(_own(cls).get, name, MISSING),
                functools.partial(type.__setattr__, cls, name),
            )
            yield Binding(read, write, value), (f"{_asked(cls, '__name__')}.{name}", value)
    yield from ((None, (_asked(base, "__name__"), base)) for base in _asked(cls, "__bases__"))


def of_memo(memo: Any) -> Iterator[Reached]:
    wrapped = memo.__wrapped__
    code = getattr(wrapped, "__code__", None)
    if code is not None and is_own_code(code.co_filename):
        yield _Memo(memo), (wrapped.__name__, wrapped)


def reached(value: Any) -> Iterator[Reached] | None:
    """What to keep of a function, a class or a memo; None for any other object."""
    kind = type(value)
    if kind is types.FunctionType:
        return of_function(value)
    if issubclass(kind, type):
        return of_class(value)
    return of_memo(value) if kind is _LruCache else None


def mentioned(code: types.CodeType) -> list[str]:
    """Names that a code object and the functions inside of it look up; names of attributes are among them."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(dict.fromkeys(mentioned(constant)))
    return list(names)


class _Memo:
    """A ``functools.lru_cache``: what it remembers cannot be read, so it forgets all."""

    def __init__(self, memo: Any) -> None:
        self._memo = memo

    def changed(self) -> bool:
        return bool(self._memo.cache_info().currsize)

    def restore(self) -> None:
        self._memo.cache_clear()


def _binding(namespace: dict[str, Any], name: str) -> Reached:
    read = functools.partial(namespace.get, name, MISSING)
    kept = Binding.of(read, functools.partial(_bind, namespace, name))
    return kept, None if kept.value is MISSING else (name, kept.value)


def _bind(namespace: dict[str, Any], name: str, value: Any) -> None:
    if value is MISSING:
        del namespace[name]
    else:
        namespace[name] = value


def _cell(name: str, cell: types.CellType) -> Reached:
    try:
        value = cell.cell_contents
    except ValueError:  # assigned later, or never
        return None, None
    return Binding(functools.partial(_contents, cell), functools.partial(_fill, cell), value), (name, value)


def _contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # deleted meanwhile
        return MISSING


def _fill(cell: types.CellType, value: Any) -> None:
    cell.cell_contents = value
