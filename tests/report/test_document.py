"""The report as a value: what it counts, how it ends the command line, how outcomes are looked up."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from steadygraph.errors import UsageError
from steadygraph.model import CaseReport, Finding, Outcome, Policy, Problem, Result, Severity, Status
from steadygraph.model.run import FailOn
from steadygraph.report.shown import Report


def ended(kind: str | None, status: Status = Status.FAILED) -> CaseReport:
    return CaseReport(f"{kind}.py", status, 0.0, error=Problem(kind, "it failed") if kind else None)


@pytest.fixture
def warned(repaired: CaseReport, finding: Finding) -> CaseReport:
    return replace(repaired, findings=(replace(finding, severity=Severity.WARNING),))


def test_findings_are_those_of_all_cases_in_their_order(broken: CaseReport, warned: CaseReport) -> None:
    report = Report((broken, warned))

    assert report.findings == broken.findings + warned.findings


def test_the_summary_counts_cases_and_severities(broken: CaseReport, warned: CaseReport, failed: CaseReport) -> None:
    summary = Report((broken, warned, failed)).summary

    assert (summary.cases, summary.failed, summary.errors, summary.warnings, summary.notes) == (3, 1, 2, 1, 0)
    assert str(summary) == "3 cases (1 failed), 2 errors, 1 warning, 0 notes"


# --- exit code ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fail_on", "severity", "code"),
    [
        ("error", Severity.ERROR, 1),
        ("error", Severity.WARNING, 0),
        ("warning", Severity.WARNING, 1),
        ("warning", Severity.NOTE, 0),
        ("note", Severity.NOTE, 1),
        ("never", Severity.ERROR, 0),
    ],
)
def test_findings_at_or_above_the_threshold_end_with_1(
    repaired: CaseReport, finding: Finding, fail_on: FailOn, severity: Severity, code: int
) -> None:
    case = replace(repaired, findings=(replace(finding, severity=severity),))

    report = Report((case,), fail_on=fail_on)

    assert report.exit_code == code
    assert report.ok(fail_on) is (code == 0)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("CaseError", Status.FAILED, 2),
        ("UsageError", Status.FAILED, 2),
        ("InternalError", Status.FAILED, 3),
        ("TorchSupportError", Status.FAILED, 3),
        ("TargetError", Status.FAILED, 4),
        ("TargetError", Status.TIMED_OUT, 4),
        ("SomethingElse", Status.FAILED, 4),
        ("annotations", Status.FAILED, 4),
        (None, Status.FAILED, 4),
    ],
)
def test_a_case_without_a_result_ends_with_the_code_of_its_error(kind: str | None, status: Status, code: int) -> None:
    assert Report((ended(kind, status),)).exit_code == code


def test_the_most_serious_reason_decides_about_the_exit_code(broken: CaseReport) -> None:
    cases = (broken, ended("TargetError"), ended("CaseError"), ended("InternalError"))

    assert [Report(cases[:number]).exit_code for number in (0, 1, 2, 3, 4)] == [0, 1, 4, 2, 3]
    assert Report(cases, interrupted=True).exit_code == 130


def test_a_report_that_is_not_complete_is_not_ok(repaired: CaseReport, failed: CaseReport) -> None:
    assert Report((repaired,)).ok()
    assert not Report((repaired, failed)).ok("never")
    assert not Report((repaired,), interrupted=True).ok("never")


def test_a_threshold_that_is_no_severity_is_refused(repaired: CaseReport) -> None:
    with pytest.raises(UsageError) as caught:
        Report((repaired,), fail_on="warn")  # type: ignore[arg-type]

    assert str(caught.value) == "fail_on is 'warn', which is no severity\n  hint: did you mean warning?"


# --- outcomes -------------------------------------------------------------------------------------


def test_an_outcome_is_found_by_scenario_and_policy(broken: CaseReport) -> None:
    report = Report((broken,))

    assert report.outcome("image", "drop").max_abs_error == 0.5932
    assert report.outcome("image", Policy.RECOMPILE).recompiles == 1


def test_back_end_and_case_choose_where_there_are_several(broken: CaseReport) -> None:
    inductor = Outcome(Policy.DROP, "inductor", Result.RAISES)
    image = replace(broken.scenarios[2], outcomes=(*broken.scenarios[2].outcomes, inductor))
    other = replace(broken, target="other.py", scenarios=(image,))

    report = Report((broken, other))

    assert report.outcome("image", "drop", backend="inductor", case="other.py") is inductor
    assert report.outcome("text", "drop").result is Result.SAME


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"scenario": "imag", "policy": "drop"},
            "the report has no scenario 'imag'\n  hint: did you mean image?",
        ),
        (
            {"scenario": "zz", "policy": "drop", "case": "examples/broken.py"},
            "the report has no scenario 'zz'\n  hint: the scenarios are profile, text, image, video",
        ),
        (
            {"scenario": "image", "policy": "drop", "case": "zz"},
            "the report has no case 'zz'\n  hint: the cases are examples/broken.py, other.py",
        ),
        (
            {"scenario": "image", "policy": "drop"},
            "scenario 'image' occurs 2 times\n  hint: name its case: examples/broken.py, other.py",
        ),
        (
            {"scenario": "text", "policy": "cuda-graph"},
            "scenario 'text' of examples/broken.py was not judged under policy 'cuda-graph'\n"
            "  hint: the policies are recompile, drop",
        ),
        (
            {"scenario": "text", "policy": "drop", "backend": "inductr"},
            "policy 'drop' was not proved with back end 'inductr'\n  hint: the back ends are eager",
        ),
        (
            {"scenario": "image", "policy": "drop", "case": "other.py"},
            "policy 'drop' was proved with 2 back ends\n  hint: name one: eager, inductor",
        ),
    ],
)
def test_an_outcome_that_is_absent_or_ambiguous_says_what_there_is(
    broken: CaseReport, arguments: dict[str, str], text: str
) -> None:
    image = broken.scenarios[2]
    several = replace(image, outcomes=(*image.outcomes, Outcome(Policy.DROP, "inductor", Result.SAME)))
    report = Report((broken, replace(broken, target="other.py", scenarios=(several,))))

    with pytest.raises(UsageError) as caught:
        report.outcome(**arguments)

    assert str(caught.value) == text


# --- display --------------------------------------------------------------------------------------


def test_print_shows_the_text_at_the_width_of_the_terminal(failed: CaseReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    assert str(Report((failed,))) == (
        "examples/empty.py\n"
        "  failed (CaseError): examples/empty.py defines no profile()\n"
        "  hint: add a function profile() that returns (args, kwargs)\n"
        "        of the warm-up call\n"
        "\n"
        "1 case (1 failed), 0 errors, 0 warnings, 0 notes"
    )


def test_repr_is_one_short_line(broken: CaseReport) -> None:
    assert repr(Report((broken,))) == "<Report: 1 case, 2 errors, 0 warnings, 0 notes>"


def test_rich_shows_the_same_text(broken: CaseReport, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    monkeypatch.setenv("COLUMNS", "72")
    console = Console(file=io.StringIO(), width=72)

    console.print(Report((broken,)))

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == str(Report((broken,))) + "\n"
