"""The section at the end of a session."""

from __future__ import annotations

import dataclasses

import pytest
from tests.plugin.conftest import BROKEN, Run, section

from steadygraph.model import CaseReport, Status
from steadygraph.testing.summary import slowest


def test_it_counts_and_tells_allowances_that_fit_nothing(cases: pytest.Pytester, run: Run) -> None:
    text = BROKEN + '\nALLOW = {"image": {"SG101": "known"}, "text": {"SG402": "not any more"}}\n'
    (cases.path / "cases" / "case_broken.py").write_text(text, encoding="utf-8")

    found = run("--steadygraph", "--steadygraph-report=out")

    assert found.ret == pytest.ExitCode.OK
    assert section(found, "steadygraph") == (
        "2 cases, 0 errors, 0 warnings, 0 notes, 1 accepted in 6 scenarios\n"
        "cases/case_broken.py: ALLOW accepts SG402 in text, and there is no such finding: take it out\n"
        "report: out"
    )


def test_a_session_without_a_case_has_none(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("def test_nothing(): pass")

    found = run("--steadygraph")

    assert "steadygraph =" not in found.stdout.str()


def test_the_three_slowest_cases_are_named() -> None:
    case = CaseReport("a.py", Status.COMPLETED, 0.4)
    others = [dataclasses.replace(case, target=f"{number}.py", duration_s=number + 0.26) for number in range(1, 5)]

    assert slowest([case, *others]) == "slowest: 4.py 4.3 s, 3.py 3.3 s, 2.py 2.3 s"
    assert slowest([case]) is None
