"""JUnit XML: what Jenkins accepts, with failures exactly where the run fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given

from steadygraph.model import (
    CaseReport,
    Consequence,
    LockChange,
    Outcome,
    Policy,
    Result,
    RuleProblem,
    ScenarioReport,
    Severity,
)
from steadygraph.model.run import RunReport
from steadygraph.report.ci import junit

from .hostile import ROOT, reports, thorough

DATA = Path(__file__).resolve().parent.parent / "data"
#: Of Jenkins.
SCHEMA = xmlschema.XMLSchema(DATA / "junit-10.xsd")


def suites_of(*cases: CaseReport, **fields: Any) -> ET.Element:
    """The parsed document, after a look at its form."""
    text = junit.render(RunReport(cases, {}, "0.1.0", **fields), ROOT)
    SCHEMA.validate(text)
    return ET.fromstring(text)


def verdicts(document: ET.Element) -> dict[str, str]:
    """What became of each test case: the tag of the element in it, ``passed`` where there is none."""
    return {
        str(test.get("name")): next((part.tag for part in test if part.tag != "system-out"), "passed")
        for test in document.iter("testcase")
    }


def test_a_suite_per_case_and_a_test_case_per_scenario_and_policy(broken: CaseReport, repaired: CaseReport) -> None:
    document = suites_of(broken, repaired)

    assert [suite.get("name") for suite in document] == ["examples/broken.py", "examples/repaired.py"]
    assert verdicts(document[0]) == {
        "text [recompile]": "passed",
        "text [drop]": "passed",
        "image [recompile]": "passed",
        "image [drop]": "failure",
        "video [recompile]": "passed",
        "video [drop]": "failure",
    }
    assert {test.get("classname") for test in document[0]} == {"examples.broken"}


def test_back_ends_are_test_cases_of_their_own(repaired: CaseReport) -> None:
    outcomes = tuple(Outcome(Policy.DROP, backend, Result.SAME) for backend in ("eager", "inductor"))

    document = suites_of(replace(repaired, scenarios=(ScenarioReport("text", outcomes=outcomes),)))

    assert list(verdicts(document)) == ["text [drop]", "text [drop inductor]"]


def test_the_counts_are_those_of_the_test_cases(broken: CaseReport, failed: CaseReport) -> None:
    document = suites_of(broken, failed)

    names = ("tests", "failures", "errors", "skipped", "time")
    assert [suite.get(name) for suite in document for name in names] == [
        *("6", "2", "0", "0", "1.250"),
        *("1", "0", "1", "0", "0.000"),
    ]
    assert [document.get(name) for name in names] == ["7", "2", "1", None, "1.250"]


def test_a_failure_says_all_about_the_finding(broken: CaseReport) -> None:
    document = suites_of(broken)

    failure = document.find(".//testcase[@name='image [drop]']/failure")
    assert failure is not None
    assert failure.attrib == {
        "type": "silent-wrong",
        "message": "SG101 none-at-profile: argument `kwargs['deepstack']` is None at profile, "
        "IntermediateTensors with 3 tensors at serving",
    }
    assert failure.text == (
        "error SG101 none-at-profile: silently wrong under drop, off by 0.59\n"
        "argument `kwargs['deepstack']` is None at profile, IntermediateTensors with 3 tensors at serving\n"
        "kwargs['deepstack']: None at profile, IntermediateTensors with 3 tensors at serving\n"
        "examples/model.py:41 in forward: if deepstack is not None:\n"
        "the profile graph lacks 3 inputs (kwargs['deepstack'].tensors['d0'], ...) and 3 x aten.add.Tensor\n"
        "fix: Pass `kwargs['deepstack']` at profile too, zero-filled: the same keys, shapes and dtypes."
    )


def test_a_case_without_result_is_an_error(failed: CaseReport) -> None:
    document = suites_of(failed)

    error = document.find(".//error")
    assert error is not None
    assert verdicts(document) == {"failed": "error"}
    assert error.attrib == {"type": "CaseError", "message": "examples/empty.py defines no profile()"}
    assert error.text == (
        "examples/empty.py defines no profile()\n"
        "hint: add a function profile() that returns (args, kwargs) of the warm-up call"
    )


def test_what_is_accepted_is_skipped_with_the_reason(broken: CaseReport) -> None:
    accepted = tuple(replace(finding, allowed="never asked for") for finding in broken.findings)

    document = suites_of(replace(broken, findings=accepted))

    skipped = document.find(".//testcase[@name='image [drop]']/skipped")
    assert skipped is not None
    assert skipped.attrib == {"type": "accepted", "message": "SG101 none-at-profile is accepted: never asked for"}


def test_what_is_not_proved_is_skipped_with_the_prediction(repaired: CaseReport) -> None:
    outcome = Outcome(Policy.DROP, "eager", Result.UNPROVED, predicted=Result.RAISES)

    document = suites_of(replace(repaired, scenarios=(ScenarioReport("text", outcomes=(outcome,)),)))

    skipped = document.find(".//skipped")
    assert skipped is not None
    assert skipped.attrib == {"type": "unproved", "message": "predicted raises"}


def test_a_finding_that_no_policy_shows_is_a_test_case_of_its_own(broken: CaseReport) -> None:
    found = replace(
        broken.findings[0],
        rule="SG401",
        name="graph-break",
        scenario="text",
        severity=Severity.WARNING,
        consequence=Consequence.SLOW,
    )

    document = suites_of(replace(broken, findings=(found,)))

    assert {name: verdict for name, verdict in verdicts(document).items() if verdict != "passed"} == {
        "text [SG401 graph-break]": "failure"
    }


def test_what_does_not_fail_the_run_fails_no_test_case(broken: CaseReport) -> None:
    document = suites_of(broken, fail_on="never")

    assert set(verdicts(document).values()) == {"passed"}


def test_a_rule_that_was_asked_for_and_failed_is_an_error(repaired: CaseReport) -> None:
    problems = (RuleProblem("XY1", "rule XY1 failed", selected=True), RuleProblem("XY2", "rule XY2 failed"))

    document = suites_of(replace(repaired, rule_problems=problems))

    assert [name for name, verdict in verdicts(document).items() if verdict == "error"] == ["rule XY1"]


def test_guards_that_are_not_as_locked_fail_like_a_warning(repaired: CaseReport) -> None:
    changed = replace(repaired, lock_changes=(LockChange("profile", "image"), LockChange("profile", "text")))

    failure = suites_of(changed).find(".//testcase[@name='lock']/failure")

    assert failure is not None
    assert failure.attrib == {"type": "lock", "message": "not as locked: image"}
    assert failure.text == "not as locked: image\nnot as locked: text"
    assert "lock" not in verdicts(suites_of(changed, fail_on="error"))


def test_an_interrupted_run_is_an_error(repaired: CaseReport) -> None:
    document = suites_of(repaired, interrupted=True)

    assert verdicts(document)["interrupted"] == "error"


@pytest.mark.parametrize("text", ["]]>", "\x00\x1b[31m", "\ud800", "\ufffe", "<!DOCTYPE x>", "&#0;"])
def test_what_xml_cannot_hold_is_spelled_out(broken: CaseReport, text: str) -> None:
    changed = tuple(replace(finding, message=f"before {text} after") for finding in broken.findings)

    document = suites_of(replace(broken, findings=changed))

    failure = document.find(".//failure")
    assert failure is not None
    shown = text if text.isprintable() else text.encode("unicode_escape").decode()
    assert f"before {shown} after" in str(failure.get("message"))


@thorough
@given(reports)
def test_whatever_a_report_holds_its_xml_is_accepted_and_fails_where_the_run_does(report: RunReport) -> None:
    text = junit.render(report, ROOT)

    assert text.isascii()
    SCHEMA.validate(text)
    document = ET.fromstring(text)
    failures, errors = len(document.findall(".//failure")), len(document.findall(".//error"))
    assert (document.get("failures"), document.get("errors")) == (str(failures), str(errors))
    assert document.get("tests") == str(len(document.findall(".//testcase")))
    assert bool(failures + errors) == (report.exit_code != 0)
