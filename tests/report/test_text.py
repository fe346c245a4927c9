"""What a user reads in the terminal, whole."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steadygraph.model import (
    CaseReport,
    Consequence,
    Failure,
    Finding,
    Location,
    Outcome,
    Problem,
    Region,
    ScenarioReport,
    Severity,
    Status,
    ViolatedGuard,
)
from steadygraph.model.run import RunReport
from steadygraph.report.text.text import render


def shown(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def judged(name: str, *outcomes: Outcome) -> ScenarioReport:
    return ScenarioReport(name, outcomes=outcomes)


def case_of(*scenarios: ScenarioReport, findings: tuple[Finding, ...] = (), **more: Any) -> CaseReport:
    case = CaseReport("case.py", Status.COMPLETED, 1.0, scenarios=scenarios, findings=findings)
    return replace(case, **more)


# --- whole cases ---------------------------------------------------------------------------------


def test_a_broken_case_says_what_happens_why_where_and_what_to_do(broken: CaseReport) -> None:
    text = render(RunReport((broken,)))

    assert text == shown(
        """
        examples/broken.py (252 guards, 1 graph)
                 recompile       drop
          text   same            same
          image  recompiles (1)  silent-wrong (0.59)
          video  same            silent-wrong (0.61)

          error SG101 none-at-profile [image, video]
            silently wrong under drop, off by up to 0.61
            argument `kwargs['deepstack']` is None at profile, IntermediateTensors with
            3 tensors at serving
            examples/model.py:41 in forward: if deepstack is not None:
            the profile graph lacks 3 inputs and 3 x aten.add.Tensor
            fix: Pass `kwargs['deepstack']` at profile too, zero-filled: the same keys,
                 shapes and dtypes.
          212 more guards differ, none changes the graph

        1 case, 2 errors, 0 warnings, 0 notes
        """
    )


def test_a_case_in_which_nothing_happens_is_two_lines(repaired: CaseReport) -> None:
    text = render(RunReport((repaired,)))

    assert text == shown(
        """
        examples/repaired.py (1,250 guards, 1 graph)
          no findings: recompile and drop change nothing in text and image

        1 case, 0 errors, 0 warnings, 0 notes
        """
    )


def test_a_failed_case_says_why_and_what_to_do(failed: CaseReport) -> None:
    text = render(RunReport((failed,)))

    assert text == shown(
        """
        examples/empty.py
          failed (CaseError): examples/empty.py defines no profile()
          hint: add a function profile() that returns (args, kwargs) of the warm-up call

        1 case (1 failed), 0 errors, 0 warnings, 0 notes
        """
    )


def test_several_cases_stand_below_each_other(
    broken: CaseReport, repaired: CaseReport, failed: CaseReport, finding: Finding
) -> None:
    broken = replace(broken, scenarios=broken.scenarios[:3], findings=(finding,))

    text = render(RunReport((broken, repaired, failed)))

    assert text == shown(
        """
        examples/broken.py (252 guards, 1 graph)
                 recompile       drop
          text   same            same
          image  recompiles (1)  silent-wrong (0.59)

          error SG101 none-at-profile [image]: silently wrong under drop, off by 0.59
            argument `kwargs['deepstack']` is None at profile, IntermediateTensors with
            3 tensors at serving
            examples/model.py:41 in forward: if deepstack is not None:
            the profile graph lacks 3 inputs and 3 x aten.add.Tensor
            fix: Pass `kwargs['deepstack']` at profile too, zero-filled: the same keys,
                 shapes and dtypes.
          212 more guards differ, none changes the graph

        examples/repaired.py (1,250 guards, 1 graph)
          no findings: recompile and drop change nothing in text and image

        examples/empty.py
          failed (CaseError): examples/empty.py defines no profile()
          hint: add a function profile() that returns (args, kwargs) of the warm-up call

        3 cases (1 failed), 1 error, 0 warnings, 0 notes
        """
    )


def test_quiet_is_one_line_per_case(broken: CaseReport, repaired: CaseReport, failed: CaseReport) -> None:
    text = render(RunReport((broken, repaired, failed)), quiet=True)

    assert text == shown(
        """
        examples/broken.py: 2 errors, 0 warnings, 0 notes
        examples/repaired.py: no findings
        examples/empty.py: failed: examples/empty.py defines no profile()
        """
    )


def test_an_interrupted_run_says_so_in_its_last_line(repaired: CaseReport) -> None:
    text = render(RunReport((repaired,), interrupted=True))

    assert text.splitlines()[-1] == "interrupted: 1 case, 0 errors, 0 warnings, 0 notes"


def test_a_report_without_cases_is_its_summary() -> None:
    assert render(RunReport(())) == "0 cases, 0 errors, 0 warnings, 0 notes\n"


def test_a_case_with_three_scenarios_and_two_defects_in_each_takes_at_most_40_lines(
    broken: CaseReport, finding: Finding
) -> None:
    dtype = replace(finding, rule="SG205", name="dtype-change", path="args[0]", message="argument `args[0]` is ...")
    findings = tuple(replace(each, scenario=name) for each in (finding, dtype) for name in ("text", "image", "video"))

    text = render(RunReport((replace(broken, findings=findings),)))

    assert len(text.splitlines()) <= 40


# --- width ---------------------------------------------------------------------------------------


def test_a_narrow_terminal_wraps_between_words_and_keeps_the_indentation(broken: CaseReport) -> None:
    text = render(RunReport((replace(broken, findings=broken.findings[:1]),)), width=60)

    assert text == shown(
        """
        examples/broken.py (252 guards, 1 graph)
                 recompile       drop
          text   same            same
          image  recompiles (1)  silent-wrong (0.59)
          video  same            silent-wrong (0.61)

          error SG101 none-at-profile [image]
            silently wrong under drop, off by 0.59
            argument `kwargs['deepstack']` is None at profile,
            IntermediateTensors with 3 tensors at serving
            examples/model.py:41: if deepstack is not None:
            the profile graph lacks 3 inputs and 3 x aten.add.Tensor
            fix: Pass `kwargs['deepstack']` at profile too,
                 zero-filled: the same keys, shapes and dtypes.
          212 more guards differ, none changes the graph

        1 case, 1 error, 0 warnings, 0 notes
        """
    )


def test_a_wide_terminal_has_each_fact_on_a_line_of_its_own(broken: CaseReport) -> None:
    text = render(RunReport((broken,)), width=120)

    assert text == shown(
        """
        examples/broken.py (252 guards, 1 graph)
                 recompile       drop
          text   same            same
          image  recompiles (1)  silent-wrong (0.59)
          video  same            silent-wrong (0.61)

          error SG101 none-at-profile [image, video]: silently wrong under drop, off by up to 0.61
            argument `kwargs['deepstack']` is None at profile, IntermediateTensors with 3 tensors at serving
            examples/model.py:41 in forward: if deepstack is not None:
            the profile graph lacks 3 inputs (kwargs['deepstack'].tensors['d0'], ...) and 3 x aten.add.Tensor
            fix: Pass `kwargs['deepstack']` at profile too, zero-filled: the same keys, shapes and dtypes.
          212 more guards differ, none changes the graph

        1 case, 2 errors, 0 warnings, 0 notes
        """
    )


def test_a_long_target_loses_folders_in_its_middle_and_a_long_place_its_folders(
    broken: CaseReport, finding: Finding
) -> None:
    file, source = "transformers/models/qwen3_vl_with_a_long_name/modeling_qwen3_vl.py", "h = h[mask] + embeds"
    deep = Location(file, 879, "_deepstack_process", source)
    case = replace(broken, target="a" * 30 + "/" + "b" * 30 + "/case.py", findings=(replace(finding, location=deep),))

    lines = render(RunReport((case,)), width=60).splitlines()

    assert lines[0] == "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/.../case.py"
    assert "    modeling_qwen3_vl.py:879: h = h[mask] + embeds" in lines


def test_a_long_line_of_source_is_cut_at_the_right_margin(broken: CaseReport, finding: Finding) -> None:
    source = "if deepstack_input_embeds is not None and i in range(0, len(deepstack_input_embeds)):"
    case = replace(broken, findings=(replace(finding, location=Location("examples/model.py", 41, "forward", source)),))

    lines = render(RunReport((case,)), width=60).splitlines()

    assert "    model.py:41: if deepstack_input_embeds is not None an..." in lines


# --- what stands below ---------------------------------------------------------------------------


def test_a_few_notes_are_told_and_many_are_counted(finding: Finding) -> None:
    note = replace(finding, severity=Severity.NOTE, consequence=Consequence.BENIGN, says_change=True)
    note = replace(note, message="`x` has 8 rows, not 16")
    many = tuple(replace(note, path=f"x{number}") for number in range(5))
    others = tuple(replace(note, rule=f"SG99{number}", name="odd") for number in range(3))

    few = render(RunReport((case_of(findings=(note, *others[:1])),)))
    counted = render(RunReport((case_of(findings=(*many, *others)),)))

    assert few == shown(
        """
        case.py

          note SG101 none-at-profile [image]: `x` has 8 rows, not 16 (model.py:41)
          note SG990 odd [image]: `x` has 8 rows, not 16 (model.py:41)

        1 case, 0 errors, 0 warnings, 2 notes
        """
    )
    assert counted == shown(
        """
        case.py

          8 notes: 5 x SG101 none-at-profile, 1 x SG990 odd, 1 x SG991 odd, 1 x SG992
              odd

        1 case, 0 errors, 0 warnings, 8 notes
        """
    )


def test_notes_are_shown_one_by_one_where_they_fail_the_run(finding: Finding) -> None:
    note = replace(finding, severity=Severity.NOTE, consequence=Consequence.BENIGN)
    notes = tuple(replace(note, rule=f"SG10{number}") for number in range(1, 8))

    text = render(RunReport((case_of(findings=notes),), fail_on="note"))

    assert "note SG101 none-at-profile [image]: argument `kwargs['deepstack']` is None at\n" in text


def test_guards_that_no_finding_speaks_of_are_counted_by_what_they_do(broken: CaseReport) -> None:
    image = broken.scenarios[2]
    harmless, unknown = image.violated_guards[1], replace(image.violated_guards[2], matters=None)
    grave = replace(image.violated_guards[3], matters=True)

    def last_lines(*guards: ViolatedGuard) -> list[str]:
        case = replace(broken, scenarios=(replace(image, violated_guards=guards),), findings=())
        return render(RunReport((case,)), width=120).splitlines()[-4:-2]

    assert last_lines(harmless) == ["  no findings", "  1 guard differs, it does not change the graph"]
    assert last_lines(harmless, unknown, grave) == [
        "  no findings",
        "  3 guards differ: 1 without a change of the graph, 1 in scenarios with another graph, 1 with unknown effect",
    ]


def test_what_eager_mode_raises_and_notes_of_the_analysis_are_told() -> None:
    scenario = replace(judged("late"), eager_error=Failure("ValueError", "no more\nrows"))
    case = case_of(scenario, notes=("depyf could not decompile forward",))

    text = render(RunReport((case,)))

    assert text == shown(
        """
        case.py
          no findings
          late: eager mode itself raises ValueError: no more rows
          depyf could not decompile forward

        1 case, 0 errors, 0 warnings, 0 notes
        """
    )


def test_a_long_error_of_a_target_keeps_its_first_and_its_last_lines() -> None:
    message = "\n".join(["Traceback:", *(f"  frame {number}" for number in range(30)), "MemoryError"])
    case = CaseReport("case.py", Status.FAILED, 1.0, error=Problem("TargetError", message))

    lines = render(RunReport((case,))).splitlines()

    assert lines[1:4] == ["  failed (TargetError): Traceback:", "    ... 20 lines left out ...", "      frame 20"]
    assert lines[-3] == "    MemoryError"


def test_many_regions_are_summed_up() -> None:
    regions = tuple(Region(f"layers.{number}", None, guards=100, graphs=1, graph_breaks=1) for number in range(20))

    titles = [render(RunReport((case_of(regions=regions[:n]),))).splitlines()[0] for n in (1, 20)]

    assert titles == [
        "case.py (layers.0: 100 guards, 1 graph, 1 graph break)",
        "case.py (20 regions: 2,000 guards, 20 graphs, 20 graph breaks)",
    ]


def test_what_was_compiled_has_a_line_of_its_own_below_a_long_target() -> None:
    case = case_of(regions=(Region("decoder", None, guards=1, graphs=2),), target="folder/" * 9 + "case.py")

    lines = render(RunReport((case,))).splitlines()

    assert lines[:2] == ["folder/" * 9 + "case.py", "  decoder: 1 guard, 2 graphs"]


def test_verbose_lists_every_guard_the_regions_and_the_environment(broken: CaseReport) -> None:
    environment = {"python": "3.11.9", "torch": "2.13.0"}

    text = render(RunReport((broken,), environment), verbose=True)

    assert "    examples/model.py:31 in forward\n" in text
    assert "    args[212].shape[0]: 16 at profile, 8 at serving\n" in text
    assert "\npython 3.11.9, torch 2.13.0\n" in text


# --- foreign text, colour, paths --------------------------------------------------------------------


def test_markup_and_control_characters_are_shown_as_what_they_are(finding: Finding) -> None:
    hostile = replace(
        finding, message="[bold]loud[/] :smile: \x1b[31mred\u202e\ud800 é 量", scenario="a\nb\tc", path=""
    )
    case = case_of(findings=(hostile,), target="[red]\x07")

    lines = render(RunReport((case,))).splitlines()

    assert lines[0] == "[red]\\x07"
    assert lines[2] == "  error SG101 none-at-profile [a b c]: silently wrong"
    assert lines[3] == "    [bold]loud[/] :smile: \\x1b[31mred\\u202e\\ud800 é 量"


def test_colour_adds_ansi_codes_and_changes_no_character(broken: CaseReport, failed: CaseReport) -> None:
    report = RunReport((broken, failed))

    plain, colored = render(report), render(report, color=True)

    assert "\x1b" not in plain
    assert "\x1b[1;31msilent-wrong (0.59)\x1b[0m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == plain


def test_colour_does_not_depend_on_the_environment(broken: CaseReport, monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(RunReport((broken,)), color=True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")

    assert render(RunReport((broken,)), color=True) == before


def test_paths_are_relative_to_the_root_that_is_named(broken: CaseReport, finding: Finding) -> None:
    inside = replace(finding, location=Location("/work place/model.py", 41, "forward"))
    case = replace(broken, target="/work place/case.py", findings=(inside,))

    text = render(RunReport((case,)), root=Path("/work place"))

    assert text.startswith("case.py (")
    assert "    model.py:41 in forward\n" in text
