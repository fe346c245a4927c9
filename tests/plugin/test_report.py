"""``--steadygraph-report``."""

from __future__ import annotations

import os

import pytest
from tests.plugin.conftest import Run, document

from steadygraph.cli.main import main


def test_the_report_is_that_of_the_command_line(cases: pytest.Pytester, run: Run) -> None:
    run("--steadygraph", "--steadygraph-report=tests")
    code = main(["analyze", "cases/case_broken.py", "cases/case_steady.py", "--report", "command"])

    assert code == 1
    assert document(cases.path / "tests") == document(cases.path / "command")
    assert sorted(os.listdir(cases.path / "tests")) == sorted(os.listdir(cases.path / "command"))


def test_a_folder_that_cannot_be_written_is_told_at_the_start(cases: pytest.Pytester, run: Run) -> None:
    (cases.path / "taken").write_text("", encoding="utf-8")

    found = run("--steadygraph", "--steadygraph-report=taken")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[:2] == [
        f"ERROR: cannot write to {cases.path}/taken: it is not a directory",
        "  hint: name a directory",
    ]


def test_a_report_that_cannot_be_written_at_the_end_is_no_success(cases: pytest.Pytester, run: Run) -> None:
    cases.makeconftest(
        "import shutil\n\ndef pytest_runtest_teardown():\n"
        "    shutil.rmtree('out', ignore_errors=True)\n    open('out', 'w').close()\n"
    )

    found = run("--steadygraph", "--steadygraph-report=out", "cases/case_steady.py", "-k", "text and drop")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stdout.fnmatch_lines([f"cannot write to {cases.path}/out: it is not a directory"])
