"""Which tensors guards are about."""

from __future__ import annotations

import re
from collections.abc import Iterable

from steadygraph.model import ViolatedGuard

_TENSOR_PROPERTY = re.compile(
    r"\.(?:shape\[\d+\]|stride\[\d+\]|shape|stride|ndim|dtype|device|requires_grad|is_inference\(\))$"
)


def tensor_path(path: str) -> str:
    """``x.shape[0]`` -> ``x``: the tensor that a path is about."""
    return _TENSOR_PROPERTY.sub("", path)


def tensors(guards: Iterable[ViolatedGuard]) -> set[tuple[str, str]]:
    """The tensors that guards are about, with their regions; relations between sizes are about all of theirs."""
    return {
        (guard.region, tensor_path(path))
        for guard in guards
        for path in (guard.path, *(term.path for term in guard.condition.terms if term.dim is not None))
    }
