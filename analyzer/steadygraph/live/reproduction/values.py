"""Arguments as Python that makes them again: the same structure, other values."""

from __future__ import annotations

import enum
import sys
import types
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.live.reproduction.objects import NotRebuiltError, pickled
from steadygraph.redaction.text import redacted
from steadygraph.torch_private import marks

#: A storage with more elements is not made whole for a tensor that shows little of it.
_MOST_ELEMENTS = 1 << 26
_DEEPEST = 40
_PLAIN = (bool, int, float, complex, bytes, type(None), type(...))
_WRITTEN = (torch.dtype, torch.layout, torch.memory_format)


@dataclass
class Rebuilding:
    """Writes values as Python.

    Args:
        keep: Keep the values of tensors, in ``tensors``, rather than make them by chance.
    """

    keep: bool = False
    #: Statements that make the tensors and objects, in their order.
    lines: list[str] = field(default_factory=list)
    #: Modules that have to be imported.
    modules: set[str] = field(default_factory=set)
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)
    #: The first tensor on each storage.
    _on_storage: dict[int, str] = field(default_factory=dict)
    _types: dict[str, torch.dtype] = field(default_factory=dict)
    #: Whose identity is a name: they have to stay.
    _alive: list[object] = field(default_factory=list)

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """``args, kwargs`` of a call.

        Raises:
            NotRebuiltError: One of them cannot be made again.
        """
        with torch_private.without_torch_function():
            given = self._sequence(args, 0)
            named = ", ".join(f"{name!r}: {self.code(value)}" for name, value in kwargs.items())
        return f"({given}), {{{named}}}"

    def forget(self) -> None:
        """Keep no value alive: there are no more to come."""
        self._names.clear()
        self._on_storage.clear()
        self._alive.clear()

    def code(self, value: Any, depth: int = 0) -> str:
        """An expression for one value.

        Raises:
            NotRebuiltError: It cannot be made again.
        """
        kind = type(value)
        if depth > _DEEPEST:
            raise NotRebuiltError("containers are nested too deep, or hold themselves")
        if issubclass(kind, torch.Tensor):
            return self._tensor(value)
        if kind is float and not float("-inf") < value < float("inf"):
            return f"float({str(value)!r})"
        if kind in _PLAIN:
            return repr(value)
        if kind is str:
            return repr(redacted(value))
        if kind is torch.device:
            return f"torch.device({str(value)!r})"
        if issubclass(kind, _WRITTEN):
            return str(value)
        if issubclass(kind, enum.Enum):
            return f"{self._named(kind)}[{value.name!r}]"
        if issubclass(kind, type) or kind in (types.FunctionType, types.BuiltinFunctionType):
            return self._named(value)
        return self._container(value, kind, depth + 1)

    def _container(self, value: Any, kind: type, depth: int) -> str:
        if kind is list:
            return f"[{', '.join(self.code(one, depth) for one in value)}]"
        if kind is tuple:
            return f"({self._sequence(value, depth)})"
        if kind is torch.Size:
            return f"torch.Size({list(value)})"
        if kind in (dict, OrderedDict) and all(type(key) in (*_PLAIN, str) for key in value):
            inner = ", ".join(f"{self.code(key)}: {self.code(one, depth)}" for key, one in value.items())
            return f"{{{inner}}}" if kind is dict else f"{self._named(kind)}({{{inner}}})"
        if kind in (set, frozenset) and all(type(one) in (*_PLAIN, str) for one in value):
            return f"{kind.__name__}([{', '.join(sorted(self.code(one) for one in value))}])"
        if kind in (slice, range):
            parts = [self.code(one) for one in (value.start, value.stop, value.step)]
            return f"{kind.__name__}({', '.join(parts)})"
        return self._object(value)

    def _sequence(self, values: Sequence[Any], depth: int) -> str:
        inner = ", ".join(self.code(one, depth) for one in values)
        return f"{inner}," if len(values) == 1 else inner

    def _named(self, value: Any) -> str:
        """A class or a function, by its name."""
        module, name = value.__module__, value.__qualname__
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not value:
            raise NotRebuiltError(f"{name} cannot be imported from {module}")
        if module == "builtins":
            return str(name)
        if module != "__main__":
            self.modules.add(module)
        return f"{'script' if module == '__main__' else module}.{name}"

    def _object(self, value: Any) -> str:
        if id(value) not in self._names:
            self._alive.append(value)
            used: list[str] = []

            def tensor(one: torch.Tensor) -> str:
                used.append(self._tensor(one))
                return used[-1]

            content = pickled(value, tensor)
            name = self._names[id(value)] = f"object_{len(self.objects)}"
            self.objects[name] = content
            given = ", ".join(f"{one!r}: {one}" for one in dict.fromkeys(used))
            self.lines.append(f"{name} = rebuilt({name!r}, {{{given}}})")
        return self._names[id(value)]

    # --- tensors ---------------------------------------------------------------------------------------

    def _tensor(self, value: torch.Tensor) -> str:
        if id(value) not in self._names:
            self._alive.append(value)
            if type(value) not in (torch.Tensor, torch.nn.Parameter) or torch_private.is_fake(value):
                raise NotRebuiltError(f"a tensor is a {type(value).__qualname__}")
            if value.layout is not torch.strided or value.is_nested or value.is_quantized:
                raise NotRebuiltError(f"a tensor has the layout {value.layout}" + " and is nested" * value.is_nested)
            self._names[id(value)] = self._new(value)
        return self._names[id(value)]

    def _new(self, value: torch.Tensor) -> str:
        name = f"tensor_{len(self._types)}"
        storage = value.untyped_storage().data_ptr() if not value.is_meta else id(value)
        base = self._on_storage.get(storage) if value.numel() else None
        if base is not None:
            if self._types[base] != value.dtype:
                raise NotRebuiltError("two tensors see one memory as different types")
            made = f"torch.as_strided({base}.detach(), {_strided(value)})"
        else:
            self._on_storage[storage] = name
            made = self._values(name, value)
        if value.requires_grad:
            made += ".requires_grad_()"
        if isinstance(value, torch.nn.Parameter):
            made = f"torch.nn.Parameter({made}, requires_grad={value.requires_grad})"
        self._types[name] = value.dtype
        if value.is_inference():
            self.lines += ["with torch.inference_mode():", f"    {name} = {made}"]
        else:
            self.lines.append(f"{name} = {made}")
        self.lines += [f"torch._dynamo.{function}({name}, {dim})" for function, dim in marks.of(value)]
        return name

    def _values(self, name: str, value: torch.Tensor) -> str:
        """Of a whole storage where the tensor does not fill it as it lies."""
        elements = value.untyped_storage().nbytes() // value.element_size()
        fills = value.is_contiguous() and value.storage_offset() == 0 and value.numel() == elements
        if elements > max(_MOST_ELEMENTS, 2 * value.numel()):
            raise NotRebuiltError(f"a tensor is a small part of a memory of {elements:,} elements")
        if self.keep and not value.is_meta:
            whole = value if fills else torch.as_strided(value.detach(), (elements,), (1,), 0)
            self.tensors[name] = whole.detach().cpu().clone()
            made = f"saved[{name!r}]" + ("" if value.device.type == "cpu" else f".to({_device(value)!r})")
        else:
            made = _by_chance(value, tuple(value.shape) if fills else (elements,))
        return made if fills else f"torch.as_strided({made}, {_strided(value)})"


def _strided(value: torch.Tensor) -> str:
    return f"{tuple(value.shape)}, {value.stride()}, {value.storage_offset()}"


def _device(value: torch.Tensor) -> str:
    return str(value.device).removesuffix(":0")


def _by_chance(value: torch.Tensor, shape: tuple[int, ...]) -> str:
    """Values that pass for those of the tensor; only integers and flags in memory of the host are looked at."""
    kind, at = value.dtype, "" if value.device.type == "cpu" else f", device={_device(value)!r}"
    if kind.is_floating_point or kind.is_complex:
        wide = kind.itemsize > 1
        made = f"torch.randn({shape}, dtype={kind if wide else torch.float32}{at})"
        return made if wide else f"{made}.to({kind})"
    seen = value.detach() if value.device.type == "cpu" and value.numel() else None
    if kind is torch.bool:
        if seen is not None and bool(seen.all() or not seen.any()):
            return f"torch.full({shape}, {bool(seen.any())}{at})"
        return f"torch.rand({shape}{at}) < 0.5"
    if seen is None:
        return f"torch.randint(0, 2, {shape}, dtype={kind}{at})"
    low, high = int(seen.min()), int(seen.max())
    if len(shape) == 1 and shape == value.shape:
        if torch.equal(seen, torch.arange(low, low + len(seen), dtype=kind)):
            return f"torch.arange({low}, {low + len(seen)}, dtype={kind})"
        if bool((seen.diff() >= 0).all()):
            return f"torch.randint({low}, {high + 1}, {shape}, dtype={kind}).sort().values"
    return f"torch.randint({low}, {high + 1}, {shape}, dtype={kind})"
