"""Where guards were made: by the stack that Dynamo keeps with them, or by the comment that it writes behind them."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from steadygraph.model import Location
from steadygraph.observe.places import locations
from steadygraph.torch_private import traced_graph, wording
from steadygraph.torch_private.entries import CompiledFrame
from steadygraph.torch_private.guards import GuardNode, MadeGuard


class GuardPlaces:
    """The lines that made the guards of one entry."""

    def __init__(self, entry: CompiledFrame) -> None:
        self._entry = entry
        self._by_source: dict[str, list[MadeGuard]] = {}
        for made in entry.guards:
            self._by_source.setdefault(made.source, []).append(made)

    def guards_on(self, source: str) -> Sequence[MadeGuard]:
        return self._by_source.get(source, ())

    def of(self, source: str, text: str = "") -> Location | None:
        """The line of the model that made the guard with this very text, else one on the same value.

        Where decorators alone have looked at the value, it is the line whose operator takes it.
        """
        read = (locations.where_model_reads(stack) for stack in self._stacks(source, text))
        return next((where for where in read if where is not None), None) or self._taken_by(source)

    def led_to(self, source: str, text: str = "") -> Location | None:
        """The line of the model from which a decorator was called that looks at the value."""
        found = (locations.where_model_calls(stack) for stack in self._stacks(source, text))
        return next((where for where in found if where is not None), None)

    def decorator(self, source: str, text: str = "") -> Location | None:
        """The line of whoever looks at the value."""
        found = (locations.of_stack(stack) for stack in self._stacks(source, text))
        return next((where for where in found if where is not None), None)

    def _stacks(self, source: str, text: str) -> Iterator[list[traceback.FrameSummary]]:
        """Where the guards on a value were made, those with this text first."""
        candidates = self.guards_on(source) or self.guards_on(wording.tensor_of(source))
        exact = (made for made in candidates if any(part in text for part in made.expressions))
        return ([*self._entry.callers, *made.stack] for made in (*exact, *candidates) if made.stack)

    def _taken_by(self, source: str) -> Location | None:
        tensor = wording.tensor_of(source)
        for graph in self._entry.graphs:
            names = [name for name, where in graph.sources.items() if where == tensor]
            for node in traced_graph(graph.module).nodes if names else ():
                if node.name in names:
                    lines = (locations.of_trace(user.trace) for user in node.users)
                    return next((line for line in lines if line is not None), None)
        return None

    def behind(self, part: str, *, first: bool) -> Location | None:
        """The line of the user's code that the comment behind a guard names, the first or the last one."""
        named = wording.places(part)
        found = _location(named[0 if first else -1], self._files) if named else None
        return None if found is None else locations.where_model_reads([_frame(found)])

    @cached_property
    def _files(self) -> list[str]:
        """The files that were traced through."""
        return sorted(
            {self._entry.code.co_filename, *(frame.filename for made in self._entry.guards for frame in made.stack)}
        )


def commented(entry: CompiledFrame) -> dict[str, Location]:
    """The place behind the guards of each source: all there is for an entry that somebody else made."""
    found: dict[str, Location] = {}
    for node in _below(entry.guard_tree):
        for part in (part for leaf in node.leaves for part in leaf.parts):
            if named := wording.places(part):
                place = named[-1]
                where = _location(place, [entry.code.co_filename]) or _at(place, place.path)
                found.setdefault(node.source, where)
    return found


def _below(root: GuardNode) -> Iterator[GuardNode]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting += node.children
        yield node


def _location(place: wording.Place, files: Iterable[str]) -> Location | None:
    """The place in the one of these files whose path ends like its own."""
    path = next((file for file in files if file.endswith(place.path)), None)
    return None if path is None else _at(place, path)


def _at(place: wording.Place, path: str) -> Location:
    return locations.of_frame(traceback.FrameSummary(path, place.line, place.function, lookup_line=False))


def _frame(place: Location) -> traceback.FrameSummary:
    return traceback.FrameSummary(place.path, place.line, place.function, lookup_line=False)
