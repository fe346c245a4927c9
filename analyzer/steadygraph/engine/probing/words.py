"""Values of a structure, in a few words for a row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steadygraph.compare.structure import summary
from steadygraph.model import Node

_LONGEST = 40


def shown(node: Node) -> str:
    """``float32[2, 8]``, ``None``, ``3``."""
    return cut(summary(node))


def text(value: Any) -> str:
    return cut(repr(value))


def tensor(dtype: str, shape: Sequence[int]) -> str:
    return f"{dtype.removeprefix('torch.')}[{', '.join(map(str, shape))}]"


def cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."


def joined(names: Sequence[str]) -> str:
    """The first three, and how many more."""
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:3])} and {len(names) - 3} more"
