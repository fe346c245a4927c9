"""What a case will be judged on, told by the process that a case file is read in."""

from __future__ import annotations

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.model import CaseReport


def outlined(case: Case, settings: Settings) -> CaseReport:
    """Scenarios, policies and back ends, nothing proved.  Workers call it, and they have torch imported."""
    from steadygraph.engine.engine import outline

    return outline(case, settings)
