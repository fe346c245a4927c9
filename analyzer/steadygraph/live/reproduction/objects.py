"""Objects of classes, pickled without a line of their class: attributes are read as they lie, tensors stay outside."""

from __future__ import annotations

import copyreg
import enum
import io
import pickle
import types
from collections.abc import Callable
from typing import Any

import torch

from steadygraph.observe.inputs import objects
from steadygraph.observe.inputs.values import is_value

#: More than this is no argument but half of a program.
LARGEST_BYTES = 1_000_000


class NotRebuiltError(Exception):
    """Something cannot be made again: the sentence says what and why."""


def pickled(value: object, tensor: Callable[[torch.Tensor], str]) -> bytes:
    """The object and all that it holds.

    Args:
        value: Of any class.
        tensor: Gives the name under which a tensor is found when this is read.

    Raises:
        NotRebuiltError: It holds what cannot be pickled, or too much.
    """
    file = _Limited()
    try:
        _Pickler(file, tensor).dump(value)
    except NotRebuiltError:
        raise
    except Exception as error:  # whatever pickle has against it
        raise NotRebuiltError(f"{type(value).__qualname__} cannot be pickled: {error}") from error
    return file.getvalue()


class _Limited(io.BytesIO):
    def write(self, content: Any) -> int:
        if self.tell() + len(content) > LARGEST_BYTES:
            raise NotRebuiltError(f"an object takes more than {LARGEST_BYTES:,} bytes without its tensors")
        return super().write(content)


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, tensor: Callable[[torch.Tensor], str]) -> None:
        super().__init__(file, protocol=4)
        self._tensor = tensor

    def persistent_id(self, value: Any) -> str | None:
        return self._tensor(value) if isinstance(value, torch.Tensor) else None

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if kind in (types.FunctionType, types.BuiltinFunctionType) or issubclass(kind, type | enum.Enum):
            return NotImplemented  # by name
        if is_value(kind):
            return NotImplemented
        if issubclass(kind, torch.nn.Module):
            raise NotRebuiltError(f"a {kind.__qualname__} hangs on it, which is a module")
        if kind is torch.Size:
            return NotImplemented
        if objects.parts(value) is None:
            raise NotRebuiltError(f"a {kind.__qualname__} hangs on it, whose content nobody knows")
        return _reduced(value, kind)


def _reduced(value: Any, kind: type) -> tuple[Any, ...]:
    """Made without ``__init__``, then filled."""
    held = objects.instance_dict(value)
    slotted = {name: one for name, one in objects.attributes(value).items() if held is None or name not in held}
    state: Any = (held or None, slotted) if slotted else held or None
    if issubclass(kind, tuple):
        # A named tuple takes its fields one by one; how else a class is made is not known.
        return tuple.__new__, (kind, tuple(objects.builtin_items(value))), state
    items = iter(objects.dict_base(kind).items(value)) if issubclass(kind, dict) else None
    entries = iter(objects.builtin_items(value)) if issubclass(kind, list) else None
    return copyreg.__newobj__, (kind,), state, entries, items  # type: ignore[attr-defined]
