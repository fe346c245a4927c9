"""Objects that change inside, out of Python's sight: random generators, arrays."""

from __future__ import annotations

import functools
import pickle
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from steadygraph.observe.state.kept import Kept
from steadygraph.observe.state.tensor_state import OTHER_LIMIT_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class _Hidden:
    """A state that is read and written as a whole; ``key`` makes of it what can be compared."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    key: Callable[[Any], object]
    value: Any

    @classmethod
    def of(cls, read: Callable[[], Any], write: Callable[[Any], object], key: Callable[[Any], object]) -> _Hidden:
        return cls(read, write, key, read())

    def changed(self) -> bool:
        return self.key(self.read()) != self.key(self.value)

    def restore(self) -> None:
        self.write(self.value)


def hidden_state(value: Any, kind: type) -> Kept | None:
    """How to bring back such an object; None if it is none of those."""
    if issubclass(kind, torch.Generator):
        return _Hidden.of(value.get_state, value.set_state, torch.Tensor.tolist)
    if issubclass(kind, random.Random):
        return _Hidden.of(value.getstate, value.setstate, _itself)
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if issubclass(kind, numpy.random.RandomState):
        return _Hidden.of(value.get_state, value.set_state, pickle.dumps)
    if issubclass(kind, numpy.random.Generator):
        bits = value.bit_generator
        return _Hidden.of(lambda: bits.state, functools.partial(setattr, bits, "state"), pickle.dumps)
    if issubclass(kind, numpy.ndarray) and value.nbytes <= OTHER_LIMIT_BYTES and value.flags.writeable:
        return _Hidden(lambda: value, functools.partial(numpy.copyto, value), numpy.ndarray.tobytes, value.copy())
    return None


def _itself(value: object) -> object:
    return value
