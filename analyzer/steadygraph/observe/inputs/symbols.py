"""Sizes and numbers that only the values of a tensor tell: torch writes them as symbols, ``u0``, ``u1``, ...

torch numbers them as they come, two runs of one model differently.  Text that is to be compared numbers them in the
order in which they appear.
"""

from __future__ import annotations

import re
from typing import Any

import torch

from steadygraph import torch_private

#: Unbacked symbols: of ints, and of floats.
_SYMBOL = re.compile(r"\b(?:u|zuf)\d+\b")
#: Types of symbolic numbers, and what the code that uses them takes them for.
NUMBERS: dict[type, str] = {torch.SymInt: "int", torch.SymFloat: "float", torch.SymBool: "bool"}


def is_unknown(value: Any) -> bool:
    """Is this a number that depends on values which nobody has?"""
    return type(value) in NUMBERS and _SYMBOL.search(torch_private.expression(value)) is not None


def has_unknown_size(tensor: torch.Tensor) -> bool:
    return any(is_unknown(size) for size in tensor.shape)


def same_shape(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Do two tensors have one shape, as far as it is known?"""
    pairs = zip(one.shape, other.shape, strict=False)
    return one.dim() == other.dim() and all(is_unknown(a) or is_unknown(b) or a == b for a, b in pairs)


def symbols_of(value: Any) -> set[str]:
    """The symbols in a number, or in the sizes of a tensor."""
    if torch_private.is_tensor(value):
        return {name for size in value.shape for name in symbols_of(size)}
    return set(_SYMBOL.findall(torch_private.expression(value))) if type(value) in NUMBERS else set()


class Numbering:
    """Symbols by the order in which they are asked for."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def size(self, size: int | torch.SymInt) -> int | str:
        """A size as it is written: a number, or text of symbols."""
        if type(size) is int:
            return size
        text = self.text(size)
        return int(text) if text.isdecimal() else text

    def text(self, value: object) -> str:
        return _SYMBOL.sub(lambda found: self._names.setdefault(found[0], f"u{len(self._names)}"), str(value))
