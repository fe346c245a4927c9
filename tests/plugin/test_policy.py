"""``--steadygraph-policy``."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Run, outcomes


def test_only_the_policies_that_are_named_are_judged(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", "-v", "--steadygraph-policy=shapes-only", "--steadygraph-policy=drop", "-k", "broken")

    assert outcomes(found) == {
        "profile[shapes-only]": "PASSED",
        "profile[drop]": "PASSED",
        "text[shapes-only]": "PASSED",
        "text[drop]": "PASSED",
        "image[shapes-only]": "FAILED",
        "image[drop]": "FAILED",
    }


def test_the_command_line_wins_over_the_configuration(cases: pytest.Pytester, run: Run) -> None:
    cases.makefile(".toml", pyproject='[tool.steadygraph]\npolicy = "drop"\n')

    configured = run("--steadygraph", "--collect-only", "-q", "cases/case_broken.py")
    given = run("--steadygraph", "--collect-only", "-q", "--steadygraph-policy=recompile", "cases/case_broken.py")

    assert [line.rpartition("::")[2] for line in configured.outlines[:3]] == [
        "profile[drop]",
        "text[drop]",
        "image[drop]",
    ]
    assert given.outlines[2] == "cases/case_broken.py::image[recompile]"


def test_an_unknown_policy_is_told_at_the_start(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", "--steadygraph-policy=dorp")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[:2] == ["ERROR: unknown policy 'dorp'", "  hint: did you mean drop?"]
