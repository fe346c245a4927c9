"""Two reports of the same targets, an older and a newer one: what is new, gone, better and worse."""

from __future__ import annotations

from steadygraph.history.changes.changes import CaseChanges, Changes, OutcomeChange, changes_between

__all__ = ["CaseChanges", "Changes", "OutcomeChange", "changes_between"]
