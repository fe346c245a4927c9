"""Workflow commands, read as the runner of GitHub Actions reads them."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given

from steadygraph.model import CaseReport, Consequence, Location, LockChange, Severity
from steadygraph.model.run import RunReport
from steadygraph.report.ci import github

from .hostile import ROOT, reports, thorough

#: ``::name key=value,key=value::message``; https://docs.github.com/actions/reference/workflow-commands-for-github-actions
COMMAND = re.compile(r"::(?P<name>[a-z]+) (?P<properties>[^:]*)::(?P<message>.*)")
ESCAPES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}


def decoded(text: str) -> str:
    """What the runner makes of an escaped text; the per cent sign is last."""
    for code, character in ESCAPES.items():
        text = text.replace(code, character)
    return text.replace("%25", "%")


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    found = [match for line in text.splitlines() if (match := COMMAND.fullmatch(line))]
    return [
        (
            match["name"],
            {key: decoded(value) for key, _, value in (each.partition("=") for each in match["properties"].split(","))},
            decoded(match["message"]),
        )
        for match in found
    ]


def text_of(*cases: CaseReport) -> str:
    return github.render(RunReport(cases, {}, "0.1.0"), ROOT)


def test_annotations_and_the_sums(broken: CaseReport, repaired: CaseReport, failed: CaseReport) -> None:
    assert text_of(broken, repaired, failed) == (
        "::error file=examples/empty.py,line=1,title=steadygraph%3A failed::"
        "examples/empty.py: failed: examples/empty.py defines no profile()\n"
        "::error file=examples/model.py,line=41,title=SG101 none-at-profile [image%2C video]::"
        "argument `kwargs['deepstack']` is None at profile, IntermediateTensors with 3 tensors at serving: "
        "silently wrong under drop, off by up to 0.61. "
        "Fix: Pass `kwargs['deepstack']` at profile too, zero-filled: the same keys, shapes and dtypes.\n"
        "3 cases (1 failed), 2 errors, 0 warnings, 0 notes\n"
    )


def test_the_ten_worst_are_shown_and_the_others_counted(broken: CaseReport) -> None:
    finding = broken.findings[0]
    warnings = tuple(
        replace(finding, severity=Severity.WARNING, consequence=Consequence.RECOMPILES, path=str(each), fix=str(each))
        for each in range(8)
    )
    errors = tuple(replace(finding, path=str(each), fix=str(each)) for each in range(8))

    text = text_of(replace(broken, findings=warnings + errors))

    assert [name for name, _, _ in commands(text)] == ["error"] * 8 + ["warning"] * 2
    assert text.splitlines()[-1] == "1 case, 8 errors, 8 warnings, 0 notes; 6 more annotations left out"


def test_special_characters_arrive(broken: CaseReport) -> None:
    finding = replace(
        broken.findings[0],
        scenario="a,b: 100%",
        message="50%0A of x",
        location=Location("/srv/project/a,b:c%.py", 3, "forward"),
    )

    ((_, properties, message),) = commands(text_of(replace(broken, findings=(finding,))))

    assert properties == {"file": "a,b:c%.py", "line": "3", "title": "SG101 none-at-profile [a,b: 100%]"}
    assert message.startswith("50%0A of x: silently wrong. ")


def test_a_line_outside_of_the_project_is_named_in_the_message(broken: CaseReport) -> None:
    finding = replace(
        broken.findings[0],
        consequence=Consequence.SLOW,
        message="data-dependent operator",
        says_change=True,
        location=Location("/opt/venv/lib/python3.11/site-packages/transformers/model.py", 821, "forward"),
        fix="Keep it on the device.",
    )

    ((_, properties, message),) = commands(text_of(replace(broken, findings=(finding,))))

    assert (properties["file"], properties["line"]) == ("examples/broken.py", "1")
    assert message == (
        "data-dependent operator. The line is transformers/model.py:821, which is not a file of this project. "
        "Fix: Keep it on the device."
    )


def test_what_is_accepted_is_not_annotated(broken: CaseReport) -> None:
    accepted = tuple(replace(finding, allowed="never asked for") for finding in broken.findings)

    assert text_of(replace(broken, findings=accepted)) == "1 case, 0 errors, 0 warnings, 0 notes, 2 accepted\n"


def test_guards_that_are_not_as_locked_are_warnings(repaired: CaseReport) -> None:
    text = text_of(replace(repaired, lock_changes=(LockChange("profile", "image"),)))

    assert text.splitlines()[0] == (
        "::warning file=examples/repaired.py,line=1,title=steadygraph%3A not as locked::not as locked: image"
    )


@thorough
@given(reports)
def test_no_text_of_a_report_is_a_command_of_its_own(report: RunReport) -> None:
    text = github.render(report, ROOT)

    *annotations, summary = text.splitlines()
    assert len(annotations) <= 10
    assert len(commands(text)) == len(annotations)
    assert all(set(properties) == {"file", "line", "title"} for _, properties, _ in commands(text))
    assert all(line.isprintable() for line in text.split("\n"))
    assert re.fullmatch(r"(interrupted: )?\d+ cases? ?[\w(), ;]+", summary)
