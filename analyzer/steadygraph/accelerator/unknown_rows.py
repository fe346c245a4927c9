"""Subscripts and loops of tensors without values.

torch wants a number where a tensor on the device is an index, and where it counts the rows of a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.accelerator.unknown import Unknowns
from steadygraph.errors import raised
from steadygraph.observe.inputs import symbols
from steadygraph.observe.places import locations
from steadygraph.torch_private.device.symbols import uncompiled

_NUMBERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def methods(unknowns: Unknowns) -> dict[str, object]:
    """Methods for the class of fake tensors."""
    plain: Any = torch.Tensor

    @raised.passes_on
    def getitem(self: torch.Tensor, index: Any) -> Any:
        return plain.__getitem__(self, _with_numbers(index))

    @raised.passes_on
    def setitem(self: torch.Tensor, index: Any, value: Any) -> None:
        plain.__setitem__(self, _with_numbers(index), value)

    def iterate(self: torch.Tensor) -> Iterator[torch.Tensor]:
        if self.dim() == 0 or not symbols.is_unknown(self.shape[0]):
            return plain.__iter__(self)  # type: ignore[no-any-return]
        unknowns.loops_once(locations.running())
        return iter([self[0]])

    found: dict[str, Callable[..., Any]] = {"__getitem__": getitem, "__setitem__": setitem, "__iter__": iterate}
    return {name: uncompiled(method) for name, method in found.items()}


def _with_numbers(index: Any) -> Any:
    """The index without the tensors that torch would read as one number; what is read is still seen as read.

    Which row is taken does not change what it looks like: the first one stands for any.
    """
    if isinstance(index, tuple):
        return tuple(_with_numbers(part) for part in index)
    if isinstance(index, slice):
        return slice(*(_read(part) for part in (index.start, index.stop, index.step)))
    return 0 if symbols.is_unknown(read := _read(index)) else read


def _read(part: Any) -> Any:
    is_number = torch_private.is_tensor(part) and part.dim() == 0 and part.dtype in _NUMBERS
    return part.item() if is_number and torch_private.is_fake(part) else part
