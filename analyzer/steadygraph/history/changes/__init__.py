"""Two reports of the same targets, an older and a newer one: what is new, gone, better and worse."""

from __future__ import annotations

from steadygraph.history.changes.document import CaseComparison, Comparison, OutcomeChange, compared

__all__ = ["CaseComparison", "Comparison", "OutcomeChange", "compared"]
