"""One entry of Dynamo's cache, asked about one frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from steadygraph.model import Ambient, Checked
from steadygraph.observe.guards.guard_places import GuardPlaces
from steadygraph.observe.guards.sources import Names
from steadygraph.torch_private.entries import CompiledFrame
from steadygraph.torch_private.expressions import evaluate


@dataclass(frozen=True, slots=True)
class Frame:
    """A call of a function that may be compiled: what guards are held against.

    Args:
        f_locals: Its locals before its first line runs.
        names: How they are called by the caller.
        region: The region in which it runs.
        function: Its function, where that is not the region's forward as it was called.
        settings: Process-wide state in the profile call, and now; None where nobody knows.
        checked: Who looks at the guards that are not dropped.
    """

    f_locals: Mapping[str, Any]
    names: Names
    region: str = ""
    function: str = ""
    settings: tuple[Ambient, Ambient] | None = None
    checked: Checked = Checked.BY_POLICY


class Asked:
    """An entry and a frame: everything that the explanation of a violated guard needs to look up."""

    def __init__(self, entry: CompiledFrame, frame: Frame) -> None:
        self.entry = entry
        self.frame = frame
        self.scope = entry.scope(frame.f_locals)

    def value(self, source: str) -> Any:
        """What a source or a condition is in the frame; MISSING if it is nothing there."""
        return evaluate(source, self.scope)

    def readable(self, source: str) -> str:
        """A source or a condition in the words of the caller."""
        return self.frame.names.readable(source)

    @cached_property
    def places(self) -> GuardPlaces:
        return GuardPlaces(self.entry)

    @cached_property
    def ambient_violated(self) -> bool:
        """Does a guard of process-wide state fail (grad mode, autocast, threads, default device, function modes)?"""
        return not all(leaf.holds(self.scope["L"]) for leaf in self.entry.guard_tree.leaves)
