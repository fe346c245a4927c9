"""What nodes of graphs compute, as numbers that can be compared: the matching of graphs by what leads to a node."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


class Numbering:
    """Nodes of any number of graphs get equal numbers if they do the same with inputs that have equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def __len__(self) -> int:
        """The first number that no node has yet."""
        return len(self._numbers)

    def of(
        self,
        nodes: Iterable[K],
        work: Callable[[K], Hashable],
        inputs: Callable[[K], Iterable[K]],
        known: Mapping[K, int] | None = None,
    ) -> dict[K, int]:
        """The number of each node.

        Args:
            nodes: Each after its inputs.
            work: What a node does, whatever its inputs are.
            inputs: What a node takes.
            known: Nodes whose numbers are given.
        """
        found: dict[K, int] = {}
        for node in nodes:
            if known is not None and node in known:
                found[node] = known[node]
                continue
            key = (work(node), *(found[each] for each in inputs(node)))
            found[node] = self._numbers.setdefault(key, len(self._numbers))
        return found
