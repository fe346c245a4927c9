"""Everything that a forward may change in a model, kept and brought back in place.

Eager mode, the compiled run and each proof have to start from the same state, and the user's model has to be as it was
in the end.  Objects keep their identity: a deep copy would be another model, with guards of its own.
"""

from __future__ import annotations

import functools
import operator
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.observe.inputs.objects import builtin_items, dict_base, instance_dict, is_sealed, slots
from steadygraph.observe.state import code_state
from steadygraph.observe.state.hidden_state import hidden_state
from steadygraph.observe.state.kept import MISSING, Binding, Kept
from steadygraph.observe.state.tensor_state import TensorState

#: Types whose objects hold nothing that could change; most of what a model refers to.
_ATOMS = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        type(...),
        range,
        slice,
        torch.dtype,
        torch.device,
        torch.layout,
    }
    | {types.BuiltinFunctionType, types.ModuleType}
)
#: Collections as Python and torch make them; an OrderedDict could have attributes, but nobody gives it any.
_WITHOUT_ATTRIBUTES = frozenset({dict, OrderedDict, list, tuple, set, frozenset, deque, bytearray})
_FIRST, _SECOND = operator.itemgetter(0), operator.itemgetter(1)
#: Characters of a name; deeper down (in a linked list, say) it is cut.
_LONGEST_NAME = 400


class ModelState:
    """What is reachable from a model through attributes and containers, as it was at ``capture``.

    Kept are the members of modules, of plain objects and of lists, dicts, sets and deques (shallow copies), the state
    of random generators, and the values of tensors: all that are not parameters (the smallest ones first, up to
    512 MiB), and the parameters if all of them together have at most 64 MiB.  So are module-level names, closures,
    default arguments and class attributes that the user's own code mentions; code of installed packages and locks are
    not opened.

    Args:
        model: Where the walk begins.
        code: Functions that run around the model's calls; what they reach by name is kept too.

    Take it after hooks were registered and ``Module.compile`` was called: ``restore`` undoes them otherwise.
    """

    def __init__(self, model: torch.nn.Module | None, *code: Callable[..., Any] | None) -> None:
        self._kept: list[Kept] = []
        self._tensors = TensorState()
        #: Everything that was visited, so that no id is given out a second time.
        self._alive: dict[int, Any] = {}
        #: Names of tensors that the last ``restore`` could not bring back, sorted.
        self.unrestorable: tuple[str, ...] = ()
        with torch_private.without_modes():
            self._walk(model, code)
            self._tensors.copy()

    @classmethod
    def capture(cls, model: torch.nn.Module, *code: Callable[..., Any] | None) -> ModelState:
        return cls(model, *code)

    @classmethod
    def of_code(cls, *code: Callable[..., Any] | None) -> ModelState:
        """What functions reach by name, with no model."""
        return cls(None, *code)

    def restore(self) -> None:
        """Bring the model back to the state of ``capture``; may be called again and again."""
        for kept in self._kept:
            kept.restore()
        with torch_private.without_modes():
            self.unrestorable = self._tensors.restore()

    def changed(self) -> bool:
        """Would ``restore`` find anything to do?"""
        if any(kept.changed() for kept in self._kept):
            return True
        with torch_private.without_modes():
            return self._tensors.changed()

    def _walk(self, model: torch.nn.Module | None, code: Iterable[Callable[..., Any] | None]) -> None:
        waiting: list[tuple[str, Any]] = [*(("", function) for function in code), ("", model)]
        if model is not None:
            waiting += [*model.named_buffers(), *model.named_parameters()]  # first taken: these names are the best
        while waiting:
            name, value = waiting.pop()
            kind = type(value)
            if kind in _ATOMS or id(value) in self._alive:
                continue
            self._alive[id(value)] = value
            save = self._save_tensor if issubclass(kind, torch.Tensor) else self._save
            waiting += save(name[:_LONGEST_NAME], value)

    def _save_tensor(self, name: str, tensor: torch.Tensor) -> Iterable[tuple[str, Any]]:
        self._tensors.add(name, tensor, parameter=isinstance(tensor, torch.nn.Parameter))
        if tensor.is_leaf and tensor.grad is not None and id(tensor.grad) not in self._alive:
            self._alive[id(tensor.grad)] = tensor.grad
            self._tensors.add(f"{name}.grad", tensor.grad, parameter=True)
        # Marks for Dynamo, loaders of weights; the parts of a wrapper subclass.
        return self._save_dict(name, tensor.__dict__, ".{}".format)

    def _save(self, name: str, value: Any) -> Iterable[tuple[str, Any]]:
        """Keep one object; what it holds is returned, to be visited."""
        kind = type(value)
        held: list[tuple[str, Any]] = []
        if (reached := code_state.reached(value)) is not None:
            return self._save_code(reached)
        if issubclass(kind, dict):
            held += self._save_dict(name, value)
        elif issubclass(kind, list | deque | set | bytearray):
            held += self._save_collection(name, value)
        elif issubclass(kind, tuple | frozenset):
            held += [(f"{name}[{i}]", item) for i, item in enumerate(builtin_items(value)) if type(item) not in _ATOMS]
        elif kind is types.MethodType:
            return [(name, value.__self__), (name, value.__func__)]
        elif kind is functools.partial:
            return [(name, value.func), (name, value.args), (name, value.keywords)]
        elif (hidden := hidden_state(value, kind)) is not None:
            self._kept.append(hidden)
            return ()
        elif is_sealed(kind) and not issubclass(kind, torch.nn.Module):
            return ()
        return held if kind in _WITHOUT_ATTRIBUTES else [*held, *self._save_attributes(name, value, kind)]

    def _save_code(self, reached: Iterable[code_state.Reached]) -> Iterable[tuple[str, Any]]:
        held = []
        for kept, named in reached:
            if kept is not None:
                self._kept.append(kept)
            if named is not None and type(named[1]) not in _ATOMS:
                held.append(named)
        return held

    def _save_attributes(self, name: str, value: Any, kind: type) -> Iterable[tuple[str, Any]]:
        held: list[tuple[str, Any]] = [("", kind)]
        own = instance_dict(value)
        if own is not None:
            self._kept.append(Binding(functools.partial(type, value), functools.partial(_set_class, value), kind))
            held += self._save_dict(name, own, ".{}".format if name else "{}".format)
        for slot, descriptor in slots(kind):
            kept = Binding.of(functools.partial(_slot, descriptor, value), functools.partial(_fill, descriptor, value))
            self._kept.append(kept)
            held.append((f"{name}.{slot}", kept.value))
        return held

    def _save_dict(
        self, name: str, value: dict[Any, Any], accessor: Callable[[Any], str] = "[{!r}]".format
    ) -> Iterable[tuple[str, Any]]:
        saved = _SavedDict(value)
        self._kept.append(saved)
        held = [(key, item) for key, item in saved.items if type(item) not in _ATOMS]
        keys = [(name, key) for key, _ in saved.items if type(key) not in _ATOMS]
        return keys + [(name + (accessor(key) if type(key) is str else "[...]"), item) for key, item in held]

    def _save_collection(self, name: str, value: Any) -> Iterable[tuple[str, Any]]:
        saved = _SavedCollection(value)
        self._kept.append(saved)
        return [(f"{name}[{i}]", item) for i, item in enumerate(saved.items) if type(item) not in _ATOMS]


class _SavedDict:
    """A dict, or the ``__dict__`` of an object."""

    __slots__ = ("_base", "_target", "items")

    def __init__(self, target: dict[Any, Any]) -> None:
        self._target = target
        self._base = dict_base(type(target))
        self.items = list(self._base.items(target))

    def changed(self) -> bool:
        target, items = self._target, self.items
        if self._base.__len__(target) != len(items):
            return True
        # Thousands of dicts are asked, most of them empty; comparing pairs in Python takes three times as long.
        return bool(items) and not (
            all(map(operator.is_, self._base.keys(target), map(_FIRST, items)))
            and all(map(operator.is_, self._base.values(target), map(_SECOND, items)))
        )

    def restore(self) -> None:
        if not self.changed():
            return
        now = list(self._base.items(self._target))
        same_keys = len(now) == len(self.items) and all(a[0] is b[0] for a, b in zip(now, self.items, strict=True))
        if not same_keys:
            self._base.clear(self._target)
            for key, value in self.items:
                self._base.__setitem__(self._target, key, value)
            return
        for (key, value), (_, current) in zip(self.items, now, strict=True):
            if current is not value:
                self._base.__setitem__(self._target, key, value)


@dataclass(slots=True, init=False)
class _SavedCollection:
    """A list, deque, set or bytearray, read and written by the methods of the built-in type."""

    _base: Any
    _target: Any
    items: list[Any]

    def __init__(self, target: Any) -> None:
        self._base = next(base for base in (list, deque, set, bytearray) if isinstance(target, base))
        self._target = target
        self.items = list(self._base.__iter__(target))

    def changed(self) -> bool:
        now = list(self._base.__iter__(self._target))
        return len(now) != len(self.items) or not all(map(operator.is_, now, self.items))

    def restore(self) -> None:
        if not self.changed():
            return
        self._base.clear(self._target)
        (self._base.update if self._base is set else self._base.extend)(self._target, self.items)


def _slot(descriptor: Any, value: Any) -> Any:
    try:
        return descriptor.__get__(value)
    except AttributeError:
        return MISSING


def _fill(descriptor: Any, value: Any, kept: Any) -> None:
    if kept is MISSING:
        descriptor.__delete__(value)
    else:
        descriptor.__set__(value, kept)


def _set_class(value: Any, kind: type) -> None:
    value.__class__ = kind  # a lazy module has become an ordinary one
