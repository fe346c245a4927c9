"""What an object holds, found without running a line of its class.

Attributes come from ``__dict__`` and from slots, never through ``getattr``: a property, a ``__getattr__`` or an
overridden ``__iter__`` of the analysed model could raise, count, or load a checkpoint.
"""

from __future__ import annotations

import sys
import sysconfig
import types
from collections import Counter, OrderedDict, UserDict, UserList, deque
from collections.abc import Iterable
from typing import Any

from steadygraph.observe.inputs.values import key_text, per_type

#: Packages of the standard library whose objects hold data of the user.
_DATA_MODULES = frozenset({"collections", "types"})
#: Packages of torch whose objects are machinery, beside all that begin with an underscore.
_TORCH_MACHINERY = frozenset({"autograd", "cuda", "distributed", "fx", "jit", "library", "profiler"})
_STDLIB = sysconfig.get_paths()["stdlib"]

Part = tuple[str, Any]


def parts(value: Any) -> list[Part] | None:
    """What a value holds, as (accessor, part) pairs; None if it is not to be opened.

    Accessors are written as Python appends them: ``['d0']``, ``[0]``, ``.tensors``.  The elements of a set have none
    in Python; theirs is ``{element}``.  A key that is an object is written as its type.
    """
    kind = type(value)
    if issubclass(kind, dict):
        return _unique(_dict_parts(value, kind))
    if issubclass(kind, list | tuple | deque):
        return _sequence_parts(value, kind)
    if issubclass(kind, set | frozenset):
        return _unique(sorted(((f"{{{key_text(item)}}}", item) for item in builtin_items(value)), key=_accessor))
    if kind is types.MappingProxyType:
        return _unique([(f"[{key_text(key)}]", item) for key, item in dict(value).items()])
    if is_sealed(kind):
        return None
    return _object_parts(value, kind)


@per_type
def is_sealed(kind: type) -> bool:
    """Are objects of this type never opened: code, exceptions, locks, loggers, torch's own machinery?"""
    if issubclass(kind, type | BaseException):
        return True
    package, _, rest = kind.__module__.partition(".")
    if package == "torch":
        return rest.startswith("_") or rest.partition(".")[0] in _TORCH_MACHINERY
    return package in sys.stdlib_module_names and package not in _DATA_MODULES and not _shadows_stdlib(kind.__module__)


@per_type
def is_read_once(kind: type) -> bool:
    """Do objects of this type give what they hold one time: generators, iterators, coroutines?"""
    names = {name for cls in kind.__mro__ for name in vars(cls)}
    return not names.isdisjoint({"__next__", "__anext__", "__await__"})


def instance_dict(value: object) -> dict[str, Any] | None:
    """The object's own ``__dict__``, not a copy; None if it has none."""
    for cls in type(value).__mro__:
        descriptor: Any = cls.__dict__.get("__dict__")
        if type(descriptor) in (types.GetSetDescriptorType, types.MemberDescriptorType):
            found = descriptor.__get__(value)
            return found if isinstance(found, dict) else None
    return None


@per_type
def slots(kind: type) -> tuple[tuple[str, Any], ...]:
    """(name, descriptor) of each slot that a class or its bases declare."""
    found = []
    for cls in reversed(kind.__mro__):
        declared = cls.__dict__.get("__slots__", ())
        for name in (declared,) if isinstance(declared, str) else declared:
            private = name.startswith("__") and not name.endswith("__")
            descriptor = cls.__dict__.get(f"_{cls.__name__.lstrip('_')}{name}" if private else name)
            if type(descriptor) is types.MemberDescriptorType:
                found.append((descriptor.__name__, descriptor))
    return tuple(found)


def attributes(value: Any) -> dict[str, Any]:
    """A new dict of the values in an object's slots and ``__dict__``."""
    found = {}
    for name, descriptor in slots(type(value)):
        try:
            found[name] = descriptor.__get__(value)
        except AttributeError:  # the slot is empty
            continue
    found.update(instance_dict(value) or {})
    return found


def dict_base(kind: type) -> type[dict[Any, Any]]:
    """The built-in type whose methods read and write an object of a dict subclass.

    An OrderedDict keeps its order beside the dict: plain ``dict`` methods would break it.
    """
    return OrderedDict if issubclass(kind, OrderedDict) else dict


def _dict_parts(value: dict[Any, Any], kind: type) -> list[Part]:
    items = dict_base(kind).items(value)
    if kind in (dict, OrderedDict, Counter):
        return [(f"[{key_text(key)}]", item) for key, item in items]
    # transformers' ModelOutput holds each entry as an attribute too, and its None entries only so.
    own = attributes(value)
    found = [(f"[{key_text(key)}]", item) for key, item in items if type(key) is not str or own.get(key) is not item]
    return [(f".{name}", item) for name, item in own.items()] + found


def _sequence_parts(value: Iterable[Any], kind: type) -> list[Part]:
    if kind is list or kind is tuple:
        return [(f"[{i}]", item) for i, item in enumerate(value)]
    items = builtin_items(value)
    fields = getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
    if isinstance(fields, tuple) and len(fields) == len(items):
        return [(f".{name}", item) for name, item in zip(fields, items, strict=True)]
    found = [(f"[{i}]", item) for i, item in enumerate(items)]
    return found + [(f".{name}", item) for name, item in attributes(value).items()]


def _object_parts(value: Any, kind: type) -> list[Part] | None:
    own = instance_dict(value)
    if own is None and not slots(kind):
        return None
    # UserDict and UserList (transformers' BatchEncoding) are read like what they imitate.
    if own is not None and issubclass(kind, UserDict) and type(own.get("data")) is dict:
        return _unique(_dict_parts(own["data"], dict)) + _attribute_parts(value, without="data")
    if own is not None and issubclass(kind, UserList) and type(own.get("data")) is list:
        return _sequence_parts(own["data"], list) + _attribute_parts(value, without="data")
    return _attribute_parts(value)


def _attribute_parts(value: Any, without: str = "") -> list[Part]:
    return [(f".{name}", item) for name, item in attributes(value).items() if name != without]


def builtin_items(value: Any) -> list[Any]:
    """The items of a built-in collection or a subclass of one, by the built-in's own iterator."""
    bases: tuple[Any, ...] = (list, tuple, deque, set, frozenset)
    for base in bases:
        if issubclass(type(value), base):
            return list(base.__iter__(value))
    raise TypeError(type(value))


def size(value: object) -> int:
    """How many items a built-in collection or a subclass of one has, by the built-in's own count; 0 of all else."""
    bases: tuple[Any, ...] = (list, tuple, dict, deque, set, frozenset)
    return next((base.__len__(value) for base in bases if issubclass(type(value), base)), 0)


def _unique(found: list[Part]) -> list[Part]:
    """Number accessors that occur twice (two keys that are objects of one type)."""
    if len({accessor for accessor, _ in found}) == len(found):
        return found
    seen: Counter[str] = Counter()
    result = []
    for accessor, item in found:
        seen[accessor] += 1
        result.append((accessor if seen[accessor] == 1 else f"{accessor}#{seen[accessor]}", item))
    return result


def _accessor(part: Part) -> str:
    return part[0]


def _shadows_stdlib(module: str) -> bool:
    """Is this a user's own ``profile.py``, which only has the name of a standard module?"""
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and not file.startswith(_STDLIB)
