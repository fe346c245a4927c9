"""Which calls are as one before, so that nobody has to look at them."""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steadygraph.live.picks import Pick, Picks
from steadygraph.live.region import LiveRegion
from steadygraph.live.scenario import Scenario
from steadygraph.observe.run.entries import Entries
from steadygraph.torch_private import entered, skips_guards
from steadygraph.torch_private.entries import NOBODY_ASKS, CompiledFrame


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What can be seen of a call before it is observed.

    Args:
        f_locals: The locals of its frame.
        coarse: What there is of its arguments beside sizes and numbers.
        answering: The entry whose guards hold, those included that nobody looks at.
        pick: What Dynamo runs without asking all of its guards; None: it asks them, or nobody looks at any.
        late: What Dynamo compiles in the call already; None: nothing.
    """

    f_locals: Mapping[str, Any]
    coarse: Hashable
    answering: CompiledFrame | None
    pick: Pick | None
    late: types.CodeType | None


class Recognition:
    """Tells calls that are as one before, and counts them.

    Args:
        entries: What is in Dynamo's caches.
        structures: So many scenarios are observed of each region.
        failed: Told of the region in which ours went wrong.
    """

    def __init__(self, entries: Entries, structures: int, failed: Callable[[LiveRegion, Exception], object]) -> None:
        self._entries, self._structures, self._failed = entries, structures, failed
        self._regions: list[LiveRegion] = []
        self._picks = Picks()

    # --- a call that has to be looked at, as it seems ------------------------------------------------

    def sight(
        self,
        region: LiveRegion,
        f_locals: Mapping[str, Any],
        late: types.CodeType | None,
        ran: CompiledFrame | None,
    ) -> Sight:
        """What can be seen of a call.

        Args:
            region: Of the call.
            f_locals: The locals of its frame.
            late: What Dynamo compiles in it already.
            ran: What answers it already.
        """
        pick = None if late is not None else self._pick(region, f_locals)
        if pick is not None:
            answering = pick.right
        elif ran is not None and not region.drops:
            answering = ran.stands_for
        else:
            by_arguments = not (region.drops or late is not None)
            answering = region.answering(self._cache(region), f_locals, by_arguments=by_arguments)
        return Sight(f_locals, region.structure(f_locals), answering, pick, late)

    def _pick(self, region: LiveRegion, f_locals: Mapping[str, Any]) -> Pick | None:
        """What Dynamo runs without asking all guards; None: it asks them, or is told to ask none, or compiles."""
        code = region.watched.code
        if code is None or region.drops or not region.profiled or not skips_guards():
            return None
        return self._picks.of(self._cache(region), code, f_locals)

    def counts(self, region: LiveRegion, sight: Sight) -> bool:
        """Count a call that is of an earlier scenario, or of none that is observed; False: it has to be looked at."""
        if sight.late is not None:
            self._uncount(region, sight, sight.late)
        known = self._earlier(region, sight)
        if known is None:
            return False
        self.remember(region, sight, sight.answering, known)
        known.count()
        return True

    def _earlier(self, region: LiveRegion, sight: Sight) -> Scenario | None:
        """The scenario of a call whose arguments look otherwise, and are what an earlier one had; also one too many."""
        pick, known = sight.pick, None
        if sight.late is None:
            if sight.answering is not None and (pick is None or pick.is_right):
                known = region.scenarios.get((sight.coarse, sight.answering))
            if known is None and (region.drops or pick is not None):
                entry = None if pick is None else pick.entry
                alike = (one for key, one in region.scenarios.items() if _is_violating(key, sight.coarse, entry))
                known = next((one for one in alike if one.check is not None and one.check(sight.f_locals)), None)
        if known is None and len(region.scenarios) >= self._structures:
            return region.beyond  # also where Dynamo compiles for it
        return known

    def _uncount(self, region: LiveRegion, sight: Sight, late: types.CodeType) -> None:
        """A call that Dynamo compiles for was taken for one of an earlier scenario, unless its own frame is new."""
        if region.settled and late is region.watched.code:
            return
        if region.drops or not region.settled:
            counted, _ = region.looks.get(region.look(sight.f_locals), (None, None))
        else:
            counted = None if sight.answering is None else region.answered.get(sight.answering)
        if counted is not None:
            counted.more -= 1

    def remember(self, region: LiveRegion, sight: Sight, answering: CompiledFrame | None, scenario: Scenario) -> None:
        """Calls that look like this one, or that the same entry answers, are of that scenario."""
        if sight.pick is not None:
            return
        if region.drops or not region.settled:
            region.remember(sight.f_locals, scenario)
        if answering is not None and answering not in region.answered:
            region.answered[answering] = scenario
            self.settle(region)

    # --- those that nobody has to look at --------------------------------------------------------------

    def meet(self, region: LiveRegion) -> None:
        """A region is new: those that share its code share what was compiled."""
        self._regions.append(region)
        self.settle(region)

    def settle(self, region: LiveRegion) -> None:
        """Have what was compiled of its code tell of the calls that it answers."""
        code, cache = region.watched.code, region.watched.cache
        alike = [one for one in self._regions if one.watched.code is code and one.watched.cache == cache]
        entries = self._cache(region)
        for one in alike:
            one.settle(entries)
        only = region if alike == [region] else None
        heard = any(one.settled for one in alike)
        for entry in entries:
            for graph in entry.graphs:
                graph.as_before = self._as_before(entry, only) if heard else NOBODY_ASKS

    def _as_before(self, entry: CompiledFrame, only: LiveRegion | None) -> Callable[[], object]:
        """What is asked each time that the entry answers a call; of modules of one class, several may share it."""
        if only is not None and not only.drops and entry.stands_for in only.answered:
            return only.answered[entry.stands_for].tally.count
        if only is not None and only.drops:
            return only.recognizes

        def is_as_before() -> bool:
            region: LiveRegion | None = only or getattr(entered.attention, "region", None)
            if region is None or region.given_up or not region.settled:
                return True
            try:
                return region.is_as_before(entry.stands_for)
            except Exception as error:
                self._failed(region, error)
                return True

        return is_as_before

    def _cache(self, region: LiveRegion) -> Sequence[CompiledFrame]:
        code = region.watched.code
        return self._entries.of(region.watched, code) if code else ()


def _is_violating(key: Hashable, coarse: Hashable, entry: CompiledFrame | None) -> bool:
    return isinstance(key, tuple) and key[0] == coarse and isinstance(key[1], frozenset) and key[2] is entry
