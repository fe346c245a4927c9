"""Which entry Dynamo runs where it does not ask all guards, and whose guards hold.

Under the stance ``skip_guard_eval_unsafe`` Dynamo asks those guards alone that told its entries apart so far, and runs
the first entry of which they hold: what no entry was compiled for is answered by one that was compiled for another.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steadygraph.torch_private import cache_entries
from steadygraph.torch_private.entries import CompiledFrame


@dataclass(frozen=True, slots=True, eq=False)
class Pick:
    """What answers a call.

    Args:
        entry: It runs.
        asked: The same, with the guards that Dynamo asks.
        right: All guards of this one hold; None: of none.
    """

    entry: CompiledFrame
    asked: CompiledFrame
    right: CompiledFrame | None

    @property
    def is_right(self) -> bool:
        return self.right is self.entry

    @property
    def note(self) -> str:
        """What a report says of one that is not."""
        held = "of no entry all do" if self.right is None else f"those of {self.right.compile_id} do"
        return (
            f"under skip_guard_eval_unsafe the entry {self.entry.compile_id} answered, whose guards do not hold: {held}"
        )


@dataclass(eq=False)
class Picks:
    """Looks up entries as Dynamo does."""

    #: By entry: Dynamo makes the guards that it asks anew with each entry.
    _asked: dict[CompiledFrame, tuple[object, CompiledFrame]] = field(default_factory=dict)

    def of(self, entries: Sequence[CompiledFrame], code: types.CodeType, f_locals: Mapping[str, Any]) -> Pick | None:
        """The entry that runs a frame with these locals; None: Dynamo compiles for it."""
        known = {id(entry.guard_manager): entry for entry in entries}
        found = [known[id(one.guard_manager)] for one in cache_entries(code) if id(one.guard_manager) in known]
        picked = next((entry for entry in found if self._as_asked(entry).answers(f_locals)), None)
        if picked is None:
            return None
        hold = (entry for entry in (picked, *found) if self._as_asked(entry).guard_tree.holds(f_locals))
        return Pick(picked, self._as_asked(picked), next(hold, None))

    def _as_asked(self, entry: CompiledFrame) -> CompiledFrame:
        root = entry.picked_by
        made = self._asked.get(entry)
        if made is None or made[0] is not root:
            made = self._asked[entry] = root, entry.as_picked
        return made[1]
