"""The fewest elements that meet every set: the smallest choice of guards, of which each call in question violates one.

A set is told here by its row, and an element by the rows that it meets.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Element = TypeVar("Element", bound=Hashable)
Row = TypeVar("Row", bound=Hashable)

#: So many choices are looked at before the search settles for a choice that may not be the smallest.
MOST_STEPS = 20_000


@dataclass(frozen=True, slots=True)
class HittingSet(Generic[Element]):
    """A choice of elements.

    Args:
        chosen: In the order in which they were offered.
        at_least: No choice is smaller than this; equal to the number of those chosen where the search was exact.
    """

    chosen: tuple[Element, ...]
    at_least: int

    @property
    def exact(self) -> bool:
        return self.at_least == len(self.chosen)


def smallest(meets: Mapping[Element, Collection[Row]], most_steps: int = MOST_STEPS) -> HittingSet[Element]:
    """The fewest elements that meet every row which any of them meets; of equals, those that are offered first.

    Args:
        meets: The rows that each element meets.
        most_steps: So many choices are looked at; past that the best one so far is given, with a bound.
    """
    useful = _undominated({element: frozenset(rows) for element, rows in meets.items()})
    rows = frozenset[Row]().union(*useful.values())
    search = _Search(useful, _greedy(useful, rows), most_steps)
    search.extend((), rows)
    bound = len(search.best) if search.steps < most_steps else _apart(useful, rows)
    places = {element: place for place, element in enumerate(meets)}
    return HittingSet(tuple(sorted(search.best, key=places.__getitem__)), bound)


def _undominated(meets: Mapping[Element, frozenset[Row]]) -> dict[Element, frozenset[Row]]:
    """Without elements that meet no more than another one does; of equals the first stays."""
    first = {rows: element for element, rows in reversed(list(meets.items())) if rows}
    return {element: rows for element, rows in meets.items() if first.get(rows) == element and not _below(rows, first)}


def _below(rows: frozenset[Row], others: Collection[frozenset[Row]]) -> bool:
    return any(rows < other for other in others)


def _greedy(meets: Mapping[Element, frozenset[Row]], rows: frozenset[Row]) -> tuple[Element, ...]:
    chosen: list[Element] = []
    while rows:
        best = max(meets, key=lambda element: len(meets[element] & rows))
        chosen.append(best)
        rows -= meets[best]
    return tuple(chosen)


def _apart(meets: Mapping[Element, frozenset[Row]], rows: Collection[Row]) -> int:
    """A number of rows of which no element meets two: each wants an element of its own."""
    found, seen = 0, set[Element]()
    candidates = [{element for element, met in meets.items() if row in met} for row in sorted(rows, key=repr)]
    for elements in sorted(candidates, key=len):
        if not elements & seen:
            found += 1
            seen |= elements
    return found


class _Search(Generic[Element, Row]):
    """Branch and bound: the row with the fewest elements wants one of these."""

    def __init__(self, meets: Mapping[Element, frozenset[Row]], best: tuple[Element, ...], most_steps: int) -> None:
        self._meets, self._most_steps = meets, most_steps
        self.best = best
        self.steps = 0

    def extend(self, chosen: tuple[Element, ...], rows: frozenset[Row]) -> None:
        """Look at the choices that begin with these elements, which leave these rows."""
        if not rows:
            if len(chosen) < len(self.best):
                self.best = chosen
            return
        self.steps += 1
        if self.steps >= self._most_steps or len(chosen) + _apart(self._meets, rows) >= len(self.best):
            return
        # Sets have another order in every process, and the choice is to be the same.
        for element in min((self._of(row) for row in sorted(rows, key=repr)), key=len):
            self.extend((*chosen, element), rows - self._meets[element])

    def _of(self, row: Row) -> list[Element]:
        return [element for element, met in self._meets.items() if row in met]
