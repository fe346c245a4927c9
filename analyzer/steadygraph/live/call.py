"""A call that is being looked at."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from steadygraph.live.picks import Pick
from steadygraph.live.recognition import Sight
from steadygraph.live.region import LiveRegion
from steadygraph.live.reproduction.kept_call import KeptCall
from steadygraph.live.scenario import Check, Scenario
from steadygraph.model import Graph
from steadygraph.observe.run.watching import OpenCall


@dataclass(eq=False)
class LiveCall:
    """A call that is being looked at."""

    open: OpenCall
    region: LiveRegion
    #: What could be seen before.
    sight: Sight
    #: What it takes to make it again.
    kept: KeptCall
    #: What it would have needed, where guards are dropped.
    needed: tuple[Graph, ...] | None = None
    scenario: Scenario | None = None

    @property
    def pick(self) -> Pick | None:
        """What Dynamo runs without asking all of its guards."""
        return self.sight.pick

    @property
    def drops(self) -> bool:
        """Does something answer whose guards nobody has asked?"""
        return self.region.drops or self.pick is not None

    @property
    def key(self) -> Hashable:
        """What tells one scenario of a region from another."""
        if self.drops and self.open.violated:
            return self.sight.coarse, frozenset(self.open.violated), None if self.pick is None else self.pick.entry
        own = [entry for entry in self.open.compiled if entry.code is self.region.watched.code]
        inner = frozenset(self.open.compiled).difference(own)
        answering = self.sight.answering or next(iter(own), None)
        return (self.sight.coarse, answering, inner) if inner else (self.sight.coarse, answering)

    def check(self) -> Check | None:
        """Whether the guards of the arguments say of another call what they said of this one."""
        if not self.drops:
            return None
        if self.open.violated:
            first = next(iter(self.region.profile_entries), None) if self.pick is None else self.pick.entry
            sources = [source for source, *_ in self.open.violated]
            return None if first is None else self.region.fails_alike(first, sources, self.sight.f_locals)
        return None if self.sight.answering is None else self.region.check(self.sight.answering)

    def whole_check(self) -> Check | None:
        """Whether all guards hold, of a call of which all did."""
        if not self.region.drops or self.open.violated or self.sight.answering is None:
            return None
        return self.sight.answering.guard_tree.holds
