"""Values on a simulated device while inputs and models are made.

A case may read what it has just put on the device: ``int(mask.sum())`` rows for a mask.  So while its own functions
run, each operator on the device is run on the CPU as well, where the operands are known and small.  What the model
then gets has no values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils.weak import WeakIdKeyDictionary

from steadygraph import torch_private
from steadygraph.accelerator.limits import ValueNeededError
from steadygraph.observe.inputs import symbols

#: Elements of a tensor whose values are kept, and bytes of all of them together.
MOST_ELEMENTS = 2**20
MOST_BYTES = 2**26
_CPU = torch.device("cpu")


class _NotKnownError(Exception):
    """An operand has no values."""


class InputValues:
    """The values of tensors on the device, by tensor."""

    def __init__(self) -> None:
        self._held: Any = WeakIdKeyDictionary()
        self._bytes_left = MOST_BYTES

    def run(self, op: Any, args: Sequence[Any], kwargs: Mapping[str, Any], fake: Callable[[], Any]) -> Any:
        """What an operator gives: as ``fake`` does, but numbers and tensors on the CPU are real ones.

        Raises:
            ValueNeededError: A value is needed that is not known here either.
        """
        try:
            result = fake()
        except ValueNeededError:
            found = self._computed(op, args, kwargs)
            if not found:
                raise
            return found[0]
        if any(_is_large(part) for part in _tensors(result)):
            return result
        found = self._computed(op, args, kwargs)
        return self._join(result, found[0]) if found else result

    def _computed(self, op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """What it gives on the CPU, in a tuple; an empty one if an operand is not known."""
        try:
            real = [_mapped(argument, self._value) for argument in args]
            named = {name: _mapped(value, self._value) for name, value in kwargs.items() if name != "pin_memory"}
            return (op(*real, **named),)
        except Exception:  # an operand that is not known, or a kernel that the CPU does not have
            if torch_private.is_in_place(op):
                self._held.clear()  # views of what was written to are not known any more
            return ()

    def _join(self, result: Any, real: Any) -> Any:
        if isinstance(result, list | tuple):
            return type(result)(self._join(*pair) for pair in zip(result, real, strict=True))
        if not isinstance(result, torch.Tensor):
            return real if symbols.is_unknown(result) else result
        if result.device.type == "cpu":
            return real
        if symbols.has_unknown_size(result):
            result = result.new_empty_strided(real.shape, real.stride())
        self._bytes_left -= real.nbytes
        if self._bytes_left > 0:
            self._held[result] = real
        return result

    def _value(self, argument: Any) -> Any:
        if isinstance(argument, torch.Tensor) and torch_private.is_fake(argument):
            if argument not in self._held:
                raise _NotKnownError
            return self._held[argument]
        if symbols.is_unknown(argument):
            raise _NotKnownError
        return _CPU if isinstance(argument, torch.device) else argument


def _mapped(value: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_mapped(item, function) for item in value)
    return function(value)


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in _tensors(item)]
    return [value] if isinstance(value, torch.Tensor) else []


def _is_large(tensor: torch.Tensor) -> bool:
    return not symbols.has_unknown_size(tensor) and tensor.numel() > MOST_ELEMENTS
