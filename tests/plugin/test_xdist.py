"""``pytest -n``: the same report, baseline and summary as in one process."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.plugin.conftest import Run, document, every_outcome, section

MARKED = """
import pytest

@pytest.mark.xdist_group("models")
@pytest.mark.graph_stable("cases/case_broken.py", policy="drop", allow=["SG101", "SG402"])
def test_model(): pass
"""


def told(result: pytest.RunResult) -> list[str]:
    """The summary without what takes how long, and what is written where."""
    lines = section(result, "steadygraph").splitlines()
    return [line for line in lines if not line.startswith(("report: ", "baseline: "))]


@pytest.fixture(autouse=True)
def _marked(cases: pytest.Pytester) -> None:
    cases.makepyfile(test_model=MARKED)


def test_workers_find_what_one_process_finds(cases: pytest.Pytester, run: Run, spawn: Run) -> None:
    alone = run("--steadygraph", "-v", "--steadygraph-report=alone")

    found = spawn("--steadygraph", "-n2", "-v", "--steadygraph-report=together")

    assert every_outcome(found) == every_outcome(alone)
    assert len(every_outcome(found)) == 13
    assert told(found) == told(alone)
    assert document(cases.path / "together") == document(cases.path / "alone")
    assert found.stdout.str().count("= steadygraph =") == 1


def test_a_baseline_is_written_once_and_is_the_same(cases: pytest.Pytester, run: Run, spawn: Run) -> None:
    update = "--steadygraph-update-baseline"
    run("--steadygraph", "--steadygraph-baseline=alone.json", update, "--steadygraph-fail-on=never")

    found = spawn("--steadygraph", "-n2", "--dist=loadscope", "-v", "--steadygraph-baseline=together.json", update)

    assert found.ret == pytest.ExitCode.OK
    assert (cases.path / "together.json").read_text() == (cases.path / "alone.json").read_text()
    assert workers_of_the_cases(found) == [1, 1]


def workers_of_the_cases(result: pytest.RunResult) -> list[int]:
    lines = [line for line in result.stdout.str().splitlines() if line.startswith("[gw") and "case_" in line]
    files = ("case_broken", "case_steady")
    return [len({line[:5] for line in lines if file in line}) for file in files]


def test_wrong_use_is_told_by_the_session_alone(cases: pytest.Pytester, spawn: Run) -> None:
    Path(cases.path / "taken").write_text("", encoding="utf-8")

    found = spawn("--steadygraph", "-n2", "--steadygraph-report=taken")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[0] == f"ERROR: cannot write to {cases.path}/taken: it is not a directory"


def test_what_a_test_does_to_the_results_of_its_worker_loses_them_alone(cases: pytest.Pytester, spawn: Run) -> None:
    cases.makeconftest(
        """
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_sessionfinish(session):
            if hasattr(session.config, "workeroutput"):
                session.config.workeroutput["steadygraph"] = "junk"
        """
    )

    found = spawn("--steadygraph", "-n1", "cases/case_steady.py")

    found.assert_outcomes(passed=6)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert section(found, "steadygraph").splitlines() == [
        "0 cases, 0 errors, 0 warnings, 0 notes in 0 scenarios",
        "what a worker of pytest-xdist found is lost: the report is not JSON: line 1, column 1: Expecting value",
    ]
