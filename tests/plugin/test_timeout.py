"""``--steadygraph-timeout``."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import BROKEN, Run, section


def test_a_case_that_hangs_fails_its_own_tests(cases: pytest.Pytester, run: Run) -> None:
    text = BROKEN.replace("return Decoder()", "import time\n    time.sleep(60)")
    (cases.path / "cases" / "case_broken.py").write_text(text, encoding="utf-8")

    found = run("--steadygraph", "--steadygraph-timeout=3", "-k", "image")

    found.assert_outcomes(passed=2, failed=1, skipped=1, deselected=8)
    assert section(found, "image[recompile] of cases/case_broken.py") == (
        "cases/case_broken.py timed-out: the target did not finish within 3 s (in build,\n"
        "  cases/case_broken.py:14)\n"
        "hint: give it more time with --steadygraph-timeout, or look for what it waits\n  for"
    )


def test_a_time_that_is_no_number_is_told_at_the_start(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", "--steadygraph-timeout=soon")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[:2] == ["ERROR: timeout is 'soon', which is no number of seconds", "  hint: write a number"]
