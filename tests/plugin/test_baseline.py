"""``--steadygraph-baseline`` and ``--steadygraph-update-baseline``."""

from __future__ import annotations

import json

import pytest
from tests.plugin.conftest import BROKEN, Run, section

from steadygraph.cli.main import main

OPTION = "--steadygraph-baseline=known.json"
UPDATE = "--steadygraph-update-baseline"


def test_the_first_run_says_how_to_make_it_and_accepted_findings_fail_nothing(cases: pytest.Pytester, run: Run) -> None:
    first = run("--steadygraph", OPTION)
    update = run("--steadygraph", OPTION, UPDATE)
    later = run("--steadygraph", OPTION)

    first.assert_outcomes(passed=10, failed=2)
    assert section(first, "steadygraph") == (
        "2 cases, 1 error, 0 warnings, 0 notes in 6 scenarios\n"
        "baseline: there is no known.json; create it with --steadygraph-update-baseline"
    )
    update.assert_outcomes(passed=12)
    assert section(update, "steadygraph").splitlines()[-1] == "baseline: known.json accepts what there is now"
    later.assert_outcomes(passed=12)
    assert section(later, "steadygraph") == (
        "2 cases, 0 errors, 0 warnings, 0 notes, 1 accepted in 6 scenarios\nbaseline: known.json"
    )


def test_it_is_that_of_the_command_line(cases: pytest.Pytester, run: Run) -> None:
    run("--steadygraph", OPTION, UPDATE)
    files = ("cases/case_broken.py", "cases/case_steady.py")
    code = main(["analyze", *files, "--baseline", "cli.json", "--update-baseline"])

    assert code == 0
    assert (cases.path / "known.json").read_text() == (cases.path / "cli.json").read_text()


def test_accepted_findings_that_are_gone_are_told(cases: pytest.Pytester, run: Run) -> None:
    run("--steadygraph", OPTION, UPDATE)
    mended = (cases.path / "cases" / "case_steady.py").read_text(encoding="utf-8")
    (cases.path / "cases" / "case_broken.py").write_text(mended, encoding="utf-8")

    found = run("--steadygraph", OPTION, "cases/case_broken.py")

    found.assert_outcomes(passed=6)
    assert (
        section(found, "steadygraph")
        .splitlines()[1]
        .startswith(
            "cases/case_broken.py: 1 accepted finding no longer occurs: remove it with --steadygraph-update-baseline ("
        )
    )


def test_ci_never_makes_it_up(cases: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    missing = run("--steadygraph", OPTION)
    update = run("--steadygraph", OPTION, UPDATE)

    assert missing.ret == update.ret == pytest.ExitCode.USAGE_ERROR
    assert missing.errlines[:2] == [
        "ERROR: there is no baseline known.json",
        "  hint: create it with --steadygraph-update-baseline on your own machine, and commit it",
    ]
    assert update.errlines[:2] == [
        "ERROR: the baseline known.json is not updated in CI (the environment sets CI)",
        "  hint: run with --steadygraph-update-baseline on your own machine, review the file and commit it",
    ]
    assert not (cases.path / "known.json").exists()


def test_an_update_needs_a_file(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", UPDATE)

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[:2] == [
        "ERROR: --steadygraph-update-baseline needs a file",
        "  hint: name it: --steadygraph-baseline steadygraph-baseline.json",
    ]


def test_a_file_of_another_tool_is_told_at_the_start(cases: pytest.Pytester, run: Run) -> None:
    (cases.path / "known.json").write_text('{"tool": "ruff"}', encoding="utf-8")

    found = run("--steadygraph", OPTION)

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[0] == "ERROR: known.json is no baseline of steadygraph: its tool is 'ruff'"


def test_a_baseline_of_other_cases_is_wrong_use(cases: pytest.Pytester, run: Run) -> None:
    run("--steadygraph", OPTION, UPDATE, "cases/case_broken.py")
    other = cases.path / "models" / "case_other.py"
    other.parent.mkdir()
    other.write_text(BROKEN, encoding="utf-8")

    found = run("--steadygraph", OPTION, "--steadygraph-fail-on=never", "models")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert section(found, "steadygraph").splitlines()[2:] == [
        "the baseline is about cases/case_broken.py, and models/case_other.py was analysed",
        "  hint: run in the directory in which the baseline was made, or add the targets with "
        "--steadygraph-update-baseline",
    ]


def test_an_interrupted_session_changes_nothing_in_it(cases: pytest.Pytester, spawn: Run) -> None:
    cases.makeconftest(
        "def pytest_runtest_teardown(item):\n    if 'steady' in item.nodeid:\n        raise KeyboardInterrupt\n"
    )

    found = spawn("--steadygraph", OPTION, UPDATE, "--steadygraph-report=out")

    assert found.ret == pytest.ExitCode.INTERRUPTED
    assert not (cases.path / "known.json").exists()
    report = json.loads((cases.path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["summary"]["interrupted"] is True
    assert [case["target"] for case in report["cases"]] == ["cases/case_broken.py", "cases/case_steady.py"]
