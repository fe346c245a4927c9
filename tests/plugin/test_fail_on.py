"""``--steadygraph-fail-on``."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Run


@pytest.mark.parametrize(("severity", "failed"), [("warning", 2), ("error", 1), ("never", 0)])
def test_a_finding_counts_from_the_severity_on(cases: pytest.Pytester, run: Run, severity: str, failed: int) -> None:
    found = run("--steadygraph", f"--steadygraph-fail-on={severity}", "cases/case_broken.py")

    found.assert_outcomes(passed=6 - failed, failed=failed)
