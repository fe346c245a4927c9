"""What a project has accepted: findings that are known, and digests of guards and graphs that must not change."""

from __future__ import annotations

from steadygraph.history.baseline.acceptance import applied, updated
from steadygraph.history.baseline.accepted import Baseline
from steadygraph.history.baseline.file import read, written

__all__ = ["Baseline", "applied", "read", "updated", "written"]
