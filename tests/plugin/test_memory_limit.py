"""``--steadygraph-memory-limit``."""

from __future__ import annotations

import re

import pytest
from tests.plugin.conftest import BROKEN, Run, section


def test_a_case_that_takes_too_much_fails_its_own_tests(cases: pytest.Pytester, run: Run) -> None:
    grown = "kept = []\n    while True: kept.append(b'x' * (1 << 20))"
    text = BROKEN.replace("return Decoder()", grown)
    (cases.path / "cases" / "case_broken.py").write_text(text, encoding="utf-8")

    found = run("--steadygraph", "--steadygraph-memory-limit=1GiB", "-k", "image")

    found.assert_outcomes(passed=2, failed=1, skipped=1, deselected=8)
    failure = " ".join(section(found, "image[recompile] of cases/case_broken.py").split()).replace("~/", "")
    assert re.sub(r"(?<=took )[\d.]+ [MG]iB", "N", failure) == (
        "cases/case_broken.py failed: the target took N of memory during build() of cases/case_broken.py (in build, "
        "cases/case_broken.py:14), and its limit is 1 GiB hint: use a smaller configuration of the model, or give it "
        "more with --steadygraph-memory-limit"
    )


def test_a_size_that_means_nothing_is_told_at_the_start(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", "--steadygraph-memory-limit=much")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[:2] == [
        "ERROR: memory-limit is 'much'",
        "  hint: write a size such as 2GiB, or 0 for no limit",
    ]
