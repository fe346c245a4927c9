"""Reports of several ranks of one service, held against each other: where they part, a collective hangs."""

from __future__ import annotations

from steadygraph.history.ranks.comparison import Comparison, compared
from steadygraph.history.ranks.reports import RankReports, read

__all__ = ["Comparison", "RankReports", "compared", "read"]
