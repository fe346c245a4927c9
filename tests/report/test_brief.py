"""What stands beside the loudest findings: warnings and notes in two lines, accepted findings in one."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import pytest

from steadygraph.model import (
    CaseReport,
    Consequence,
    Failure,
    Finding,
    Kind,
    Location,
    ScenarioReport,
    Severity,
    Status,
)
from steadygraph.model.run import RunReport
from steadygraph.report.text.text import render

ERROR = """\
case.py

  error SG101 none-at-profile [image]: silently wrong
    argument `kwargs['deepstack']` is None at profile, IntermediateTensors with
    3 tensors at serving
    examples/model.py:41 in forward: if deepstack is not None:
    fix: Pass `kwargs['deepstack']` at profile too, zero-filled: the same keys,
         shapes and dtypes.
"""


@pytest.fixture
def sync(finding: Finding) -> Finding:
    return replace(
        finding,
        rule="SG402",
        name="host-sync",
        kind=Kind.HOST_SYNC,
        severity=Severity.WARNING,
        consequence=Consequence.SLOW,
        message="indexing with a bool mask, which makes the host wait for the device, 3 times per call",
        clauses=("indexing with a bool mask", ", which makes the host wait for the device, 3 times per call"),
        location=Location("lib/merging.py", 841, "merge", "x = x[mask]"),
        fix="Gather with precomputed indices.",
        path="indexing",
        profile="",
        serving="",
    )


def case_of(*findings: Finding, scenarios: tuple[ScenarioReport, ...] = ()) -> CaseReport:
    return CaseReport("case.py", Status.COMPLETED, 1.0, scenarios=scenarios, findings=findings)


def shown(case: CaseReport, *, width: int = 80, verbose: bool = False) -> str:
    return render(RunReport((case,)), width=width, verbose=verbose)


def added(case: CaseReport, *, width: int = 80) -> list[str]:
    """The lines that stand between the one error of a case and the summary."""
    lines = shown(case, width=width).splitlines()
    last_of_error = max(number for number, line in enumerate(lines) if line.startswith(("    fix: ", "         ")))
    return lines[last_of_error + 1 : -2]


def test_a_warning_beside_an_error_is_its_message_and_its_place(finding: Finding, sync: Finding) -> None:
    text = shown(case_of(finding, sync))

    assert text == ERROR + textwrap.dedent(
        """\
          warning SG402 host-sync [image]: indexing with a bool mask, which makes the
            host wait for the device, 3 times per call (merging.py:841)

        1 case, 1 error, 1 warning, 0 notes; --verbose shows every fix
        """
    )


def test_verbose_shows_the_warning_in_full(finding: Finding, sync: Finding) -> None:
    text = shown(case_of(finding, sync), verbose=True)

    assert "    lib/merging.py:841 in merge: x = x[mask]\n    fix: Gather with precomputed indices.\n" in text
    assert text.splitlines()[-1] == "1 case, 1 error, 1 warning, 0 notes"


def test_without_errors_warnings_are_told_in_full(sync: Finding) -> None:
    text = shown(case_of(sync))

    assert text == textwrap.dedent(
        """\
        case.py

          warning SG402 host-sync [image]: indexing with a bool mask, which makes the
            host wait for the device, 3 times per call
            lib/merging.py:841 in merge: x = x[mask]
            fix: Gather with precomputed indices.

        1 case, 0 errors, 1 warning, 0 notes
        """
    )


def test_warnings_of_one_rule_in_the_same_scenarios_are_one_entry_of_two_lines(finding: Finding, sync: Finding) -> None:
    other = replace(
        sync,
        message="assignment through a bool mask, which makes the host wait for the device",
        clauses=("assignment through a bool mask", ", which makes the host wait for the device"),
        location=Location("lib/merging.py", 842, "merge"),
        fix="Use masked_scatter.",
        path="assignment",
    )
    case = case_of(finding, sync, other)

    assert added(case) == [
        "  warning SG402 host-sync [image]: indexing with a bool mask (merging.py:841);",
        "    assignment through a bool mask (line 842)",
    ]
    assert added(case, width=100) == [
        "  warning SG402 host-sync [image]: indexing with a bool mask (merging.py:841); assignment through a",
        "    bool mask, which makes the host wait for the device (line 842)",
    ]


def test_a_warning_of_the_same_rule_in_other_scenarios_is_an_entry_of_its_own(finding: Finding, sync: Finding) -> None:
    short = replace(sync, message="nonzero")

    lines = added(case_of(finding, short, replace(short, scenario="video", location=None)))

    assert lines == [
        "  warning SG402 host-sync [image]: nonzero (merging.py:841)",
        "  warning SG402 host-sync [video]: nonzero",
    ]


def test_lines_of_one_message_are_listed_by_file(finding: Finding, sync: Finding) -> None:
    places = [("a/x.py", 1), ("a/x.py", 2), ("b/y.py", 3), ("b/y.py", 4), ("b/y.py", 5), ("b/y.py", 6)]
    many = [replace(sync, message="nonzero", path=str(p), location=Location(*p, "merge")) for p in places]

    lines = added(case_of(finding, *many))

    assert lines == ["  warning SG402 host-sync [image]: nonzero (x.py:1, 2, y.py:3, 4 and 2 more)"]


def test_of_many_messages_some_are_told_and_the_others_counted(finding: Finding, sync: Finding) -> None:
    many = [replace(sync, message=f"sync {number}", path=str(number)) for number in range(5)]

    lines = added(case_of(finding, *many))

    assert lines == [
        "  warning SG402 host-sync [image]: sync 0 (merging.py:841); sync 1 (line 841);",
        "    sync 2 (line 841) and 2 more",
    ]


def test_a_message_ends_early_between_its_clauses_wherever_else_it_has_punctuation(
    finding: Finding, sync: Finding
) -> None:
    fact = "unsupported call; `print(a, which is b: c)`, and (more"
    clauses = (fact, ", which breaks the region " + "again " * 12, ": " + "because " * 12)
    three = replace(sync, message="".join(clauses), clauses=clauses)

    first, second = added(case_of(finding, three))

    assert first == "  warning SG402 host-sync [image]: unsupported call; `print(a, which is b: c)`,"
    assert second == "    and (more (merging.py:841)"


def test_clauses_that_are_not_those_of_the_message_are_not_told(finding: Finding, sync: Finding) -> None:
    """Whoever replaces the message of a finding need not know of them."""
    (line,) = added(case_of(finding, replace(sync, message="nonzero")))

    assert line == "  warning SG402 host-sync [image]: nonzero (merging.py:841)"


def test_a_first_clause_that_says_too_little_takes_the_next_one_along(finding: Finding, sync: Finding) -> None:
    clauses = ("nonzero", ", which makes the host wait for the device", ": " + "only in serving, " * 9)
    short = replace(sync, message="".join(clauses), clauses=clauses)

    lines = added(case_of(finding, short))

    assert lines == [
        "  warning SG402 host-sync [image]: nonzero, which makes the host wait for the",
        "    device (merging.py:841)",
    ]


def test_a_long_message_without_clauses_is_told_whole(finding: Finding, sync: Finding) -> None:
    message = " ".join(["word"] * 50)

    text = shown(case_of(finding, replace(sync, message=message)))

    assert text.count("word") == 50


def test_serving_values_are_told_where_there_is_room(finding: Finding, sync: Finding) -> None:
    step = replace(sync, rule="SG203", name="baked-shape", message="`x` has another shape", path="x", profile="4")
    step = replace(step, says_change=True)
    findings = [replace(step, scenario=name, serving=value) for name, value in (("a", "5"), ("b", "6"))]

    lines = added(case_of(finding, *findings))

    assert lines == [
        "  warning SG203 baked-shape [a, b]: `x` has another shape; serving values: 5",
        "    (a), 6 (b) (merging.py:841)",
    ]


def test_an_exception_is_told_in_full_once_by_the_finding_that_names_its_line(finding: Finding) -> None:
    raises = replace(finding, consequence=Consequence.RAISES, path="", profile="", serving="")
    cause = replace(raises, rule="SG602", name="padded-length-checked", message="ValueError: 16 > 9", fix="")
    placeless = replace(raises, location=None, message="argument `image` is None at profile, Image at serving")
    scenario = ScenarioReport("image", eager_error=Failure("ValueError", "16 > 9"))

    text = shown(case_of(placeless, cause, scenarios=(scenario,)))

    assert text == textwrap.dedent(
        """\
        case.py

          error SG602 padded-length-checked [image]: raises, in eager mode too
            ValueError: 16 > 9
            examples/model.py:41 in forward: if deepstack is not None:
          error SG101 none-at-profile [image]: argument `image` is None at profile,
            Image at serving

        1 case, 2 errors, 0 warnings, 0 notes; --verbose shows every fix
        """
    )


def test_accepted_findings_are_a_line_each_with_the_reason(finding: Finding, sync: Finding) -> None:
    reason = "the vision tower runs eagerly in this deployment, and its masks are on the CPU"
    accepted = [replace(sync, allowed=reason, scenario=name) for name in ("image", "video")]

    lines = added(case_of(finding, *accepted))

    assert lines == ["  accepted SG402 host-sync [image, video]: the vision tower runs eagerly in t..."]


def test_where_all_findings_are_accepted_there_are_no_others(finding: Finding) -> None:
    text = shown(case_of(replace(finding, allowed="known")))

    assert text == textwrap.dedent(
        """\
        case.py

          accepted SG101 none-at-profile [image]: known
          no other findings

        1 case, 0 errors, 0 warnings, 0 notes, 1 accepted
        """
    )
