"""What is recorded of a run, and that the page shows the records."""

from __future__ import annotations

from pathlib import Path

from . import runs

WRITTEN = """\
<testsuites><testsuite name="pytest">
<testcase classname="tests.test_cases" name="test_a_case[one]" time="1"/>
<testcase classname="tests.test_cases" name="test_a_case[two]" time="1"><failure message="no">no</failure></testcase>
<testcase classname="tests.observe.test_guards" name="test_one" time="1"/>
<testcase classname="tests.observe.test_guards" name="test_two" time="1"><error message="no">no</error></testcase>
<testcase classname="tests.observe.test_guards" name="test_three" time="1">
  <skipped type="pytest.skip" message="there is a device">conftest.py:12</skipped>
</testcase>
</testsuite></testsuites>
"""
AGAIN = """\
<testsuites><testsuite name="pytest">
<testcase classname="tests.observe.test_guards" name="test_two" time="1"/>
</testsuite></testsuites>
"""


def run(**more: object) -> runs.Run:
    told = {
        "torch": "2.13.0",
        "built_for": "CPU",
        "python": "3.11.7",
        "transformers": "5.23.0",
        "parts": ("cli", "observe", "test_cases"),
        "left_out": (),
        "cases": (240, 240),
        "passed": 4200,
        "failed": (),
        "skipped": {},
        "cost": 1.1,
    }
    return runs.Run(**{**told, **more})  # type: ignore[arg-type]


def test_the_page_shows_the_runs_that_are_recorded() -> None:
    page = runs.PAGE.read_text(encoding="utf-8")

    assert runs.runs()
    assert runs.written(page, runs.table(runs.runs())) == page, "python tests/releases/runs.py"


def test_of_a_test_that_was_run_again_the_last_time_counts(tmp_path: Path) -> None:
    first, again = tmp_path / "first.xml", tmp_path / "again.xml"
    first.write_text(WRITTEN)
    again.write_text(AGAIN)

    once, twice = runs.recorded([first], None), runs.recorded([first, again], 1.1)

    assert (once.cases, once.passed, once.skipped) == ((2, 1), 2, {"there is a device": 1})
    assert once.failed == ("tests.observe.test_guards::test_two", "tests.test_cases::test_a_case[two]")
    assert (twice.passed, twice.failed) == (3, ("tests.test_cases::test_a_case[two]",))
    assert once.parts == ("observe", "test_cases")
    assert "observe" not in once.left_out
    assert {"releases", "test_engine"} <= set(once.left_out)


def test_a_row_for_each_release_and_a_line_for_whatever_is_missing() -> None:
    later = run(
        torch="2.15.0",
        built_for="CUDA 13.2",
        cases=(240, 239),
        failed=("tests.test_cases::test_a_case[two]",),
        skipped={"there is a device": 2},
        left_out=("cli", "plugin"),
        cost=None,
    )
    newer = run(python="3.12.1", parts=("test_cases",), left_out=("cli", "observe"), passed=240, cost=None)

    assert list(runs.table([run(), newer, later])) == [
        "| torch | built for | Python | cases as labelled | tests passed | failed | skipped | cost of an analysis |",
        "|---|---|---|---|---|---|---|---|",
        "| 2.13.0 | CPU | 3.11.7 | 240 of 240 | 4,200 | 0 | 0 | 1.10 |",
        "| 2.13.0 | CPU | 3.12.1 | 240 of 240 | 240 | 0 | 0 | not measured |",
        "| 2.15.0 | CUDA 13.2 | 3.11.7 | 239 of 240 | 4,200 | 1 | 2 | not measured |",
        "",
        "* torch 2.13.0, Python 3.12.1: the tests in `test_cases` alone.",
        "* torch 2.15.0, Python 3.11.7: without the tests in `cli`, `plugin`.",
        "* torch 2.15.0, Python 3.11.7: 2 skipped: there is a device.",
        "* torch 2.15.0, Python 3.11.7: `tests.test_cases::test_a_case[two]` failed.",
    ]


def test_ten_comes_after_nine() -> None:
    assert run(torch="2.9.0").order < run(torch="2.10.0").order
