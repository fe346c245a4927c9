"""What is told first, and what is only counted."""

from __future__ import annotations

from dataclasses import replace

from steadygraph.model import CaseReport, Consequence, Finding, ScenarioReport, Severity
from steadygraph.model.run import RunReport
from steadygraph.report.text.text import render

GUARDS = "212 more guards differ, none changes the graph"


def notes(case: CaseReport, finding: Finding) -> tuple[Finding, ...]:
    """What a rule says about each guard that changes no graph, where guards are dropped."""
    harmless = [guard for guard in case.scenarios[2].violated_guards if guard.matters is False]
    note = replace(finding, rule="SG203", severity=Severity.NOTE, consequence=Consequence.BENIGN)
    return tuple(replace(note, path=guard.path, message=f"{guard.path} is 8") for guard in harmless)


def test_notes_about_guards_that_change_no_graph_are_one_line(broken: CaseReport, finding: Finding) -> None:
    case = replace(broken, findings=(*broken.findings, *notes(broken, finding)))

    text, before = render(RunReport((case,))), render(RunReport((broken,)))

    assert text == before.replace("0 notes", "212 notes")
    assert GUARDS in text


def test_they_are_told_where_notes_fail_the_run(broken: CaseReport, finding: Finding) -> None:
    case = replace(broken, findings=notes(broken, finding)[:2])

    text = render(RunReport((case,), fail_on="note"))

    assert "args[1].shape[0] is 8" in text
    assert "args[2].shape[0] is 8" in text


def test_without_anything_worse_their_number_is_all(broken: CaseReport, finding: Finding) -> None:
    image = broken.scenarios[2]
    harmless = ScenarioReport("image", violated_guards=image.violated_guards[1:])
    case = replace(broken, scenarios=(harmless,), findings=notes(broken, finding))

    _, _, below = render(RunReport((case,))).partition("\n")

    assert below == (
        "  no findings above note\n"
        "  212 guards differ, none changes the graph\n"
        "\n"
        "1 case, 0 errors, 0 warnings, 212 notes\n"
    )


def test_guards_of_a_finding_about_several_are_not_counted_again(broken: CaseReport, finding: Finding) -> None:
    paths = tuple(f"args[{number}].shape[0]" for number in range(1, 201))
    several = replace(finding, path="args[201].shape[0]", also=paths)

    text = render(RunReport((replace(broken, findings=(*broken.findings, several)),)))

    assert "  11 more guards differ, none changes the graph\n" in text


def test_what_is_silently_wrong_stands_before_what_raises(finding: Finding, broken: CaseReport) -> None:
    raises = replace(finding, rule="SG601", name="serving-error", scenario="a", consequence=Consequence.RAISES)
    scenarios = (ScenarioReport("a"), ScenarioReport("image"))
    case = replace(broken, scenarios=scenarios, findings=(raises, finding))

    titles = [line.split()[1] for line in render(RunReport((case,))).splitlines() if line.startswith("  error")]

    assert titles == ["SG101", "SG601"]
