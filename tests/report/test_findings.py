"""How findings read: grouped, in the order of their severity, with what happens in their first line."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Any

import pytest

from steadygraph.model import (
    CaseReport,
    Consequence,
    Failure,
    Finding,
    GraphChange,
    Kind,
    Location,
    Outcome,
    Policy,
    Result,
    ScenarioReport,
    Severity,
    Status,
)
from steadygraph.model.run import RunReport
from steadygraph.report.text.text import render


def shown(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


def outcome(policy: Policy, result: Result, **more: Any) -> Outcome:
    return replace(Outcome(policy, "eager", result), **more)


def judged(name: str, *outcomes: Outcome) -> ScenarioReport:
    return ScenarioReport(name, outcomes=outcomes)


def case_of(*scenarios: ScenarioReport, findings: tuple[Finding, ...] = (), **more: Any) -> CaseReport:
    case = CaseReport("case.py", Status.COMPLETED, 1.0, scenarios=scenarios, findings=findings)
    return replace(case, **more)


def test_scenarios_that_bring_different_values_to_one_place_share_a_finding(finding: Finding) -> None:
    step = replace(
        finding,
        rule="SG203",
        name="baked-int",
        severity=Severity.WARNING,
        consequence=Consequence.RECOMPILES,
        path="self.seen",
        profile="16",
        location=None,
        fix="Keep the position in a tensor.",
    )
    findings = tuple(
        replace(step, scenario=f"step{n}", serving=str(n), message=f"`self.seen` is 16 at profile, {n} at serving")
        for n in (17, 18, 19)
    )
    once = outcome(Policy.RECOMPILE, Result.RECOMPILES, recompiles=1)
    case = case_of(*(judged(f"step{number}", once) for number in (17, 18, 19)), findings=findings)

    text = render(RunReport((case,)))

    assert text == shown(
        """
        case.py
                  recompile
          step17  recompiles (1)
          step18  recompiles (1)
          step19  recompiles (1)

          warning SG203 baked-int [step17, step18, step19]
            recompiles under recompile (3 new compilations)
            `self.seen` is 16 at profile, 17 at serving
            serving values: 17 (step17), 18 (step18), 19 (step19)
            fix: Keep the position in a tensor.

        1 case, 0 errors, 3 warnings, 0 notes
        """
    )


def test_many_scenarios_and_regions_of_one_finding_are_counted(finding: Finding) -> None:
    findings = tuple(
        replace(finding, scenario=f"s{scenario}", region=f"layers.{layer}")
        for scenario in range(7)
        for layer in range(9)
    )

    lines = render(RunReport((case_of(findings=findings),))).splitlines()

    title = "  error SG101 none-at-profile [s0, s1, s2, s3 and 3 more] in layers.0 and 8 more"
    assert lines[2:5] == [
        title,
        "    silently wrong",
        "    argument `kwargs['deepstack']` is None at profile, IntermediateTensors with",
    ]


def test_the_same_defect_in_several_places_of_a_scenario_is_told_once(finding: Finding) -> None:
    sync = replace(
        finding,
        rule="SG402",
        name="host-sync",
        severity=Severity.WARNING,
        consequence=Consequence.SLOW,
        message="indexing with a bool mask makes the host wait for the device",
        fix="Use torch.where.",
        profile="",
        serving="",
    )
    lines = [Location("model.py", line, "embed", f"x = x[mask{line}]") for line in range(1, 9)]
    findings = tuple(
        replace(sync, path=str(line.line), location=line, scenario=name)
        for line in lines
        for name in ("image", "video")
    )

    two, eight = render(RunReport((case_of(findings=findings[:4]),))), render(RunReport((case_of(findings=findings),)))

    assert two == shown(
        """
        case.py

          warning SG402 host-sync [image, video]: indexing with a bool mask makes the
            host wait for the device
            model.py:1 in embed: x = x[mask1]
            model.py:2 in embed: x = x[mask2]
            fix: Use torch.where.

        1 case, 0 errors, 4 warnings, 0 notes
        """
    )
    assert eight.splitlines()[9:11] == ["    model.py:6 in embed: x = x[mask6]", "    and 2 more places"]


def test_places_of_one_defect_keep_their_own_messages(finding: Finding) -> None:
    step = replace(finding, location=None, fix="Keep it in a tensor.", profile="1", serving="2")
    findings = tuple(replace(step, path=f"self.{x}", message=f"`self.{x}` is 1 at profile, 2 at serving") for x in "ab")

    text = render(RunReport((case_of(findings=findings),)))

    assert text == shown(
        """
        case.py

          error SG101 none-at-profile [image]: silently wrong
            `self.a` is 1 at profile, 2 at serving
            `self.b` is 1 at profile, 2 at serving
            fix: Keep it in a tensor.

        1 case, 2 errors, 0 warnings, 0 notes
        """
    )


def test_errors_come_before_warnings_before_notes(finding: Finding) -> None:
    note = replace(finding, rule="SG3", severity=Severity.NOTE, consequence=Consequence.BENIGN, path="c")
    warning = replace(finding, rule="SG2", severity=Severity.WARNING, consequence=Consequence.SLOW, path="b")

    lines = render(RunReport((case_of(findings=(note, warning, finding)),))).splitlines()

    heads = [line.split()[:2] for line in lines if line.startswith("  ") and not line.startswith("   ")]
    assert heads == [["error", "SG101"], ["warning", "SG2"], ["note", "SG3"]]


def test_findings_of_one_scenario_say_once_what_its_graph_lacks(broken: CaseReport, finding: Finding) -> None:
    other = replace(finding, rule="SG102", path="kwargs['mask']", location=None)

    text = render(RunReport((replace(broken, findings=(finding, other)),)))

    assert text.count("error SG") == 2
    assert text.count("the profile graph lacks") == 1


def test_a_message_without_its_path_gets_path_and_values_added(finding: Finding) -> None:
    bare = replace(finding, message="The branch for images was never compiled.", fix="", location=None)

    text = render(RunReport((case_of(findings=(bare,)),)))

    assert text == shown(
        """
        case.py

          error SG101 none-at-profile [image]: silently wrong
            The branch for images was never compiled.
            kwargs['deepstack']: None at profile, IntermediateTensors with 3 tensors at
              serving

        1 case, 1 error, 0 warnings, 0 notes
        """
    )


@pytest.mark.parametrize(
    ("consequence", "outcomes", "sentence"),
    [
        (
            Consequence.SILENT_WRONG,
            (outcome(Policy.DROP, Result.SILENT_WRONG, max_abs_error=0.5, backend="inductor"),),
            "silently wrong under drop inductor, off by 0.5",
        ),
        (
            Consequence.SILENT_WRONG,
            (outcome(Policy.DROP, Result.SILENT_WRONG, error="[8, 4] in place of [16, 4]"),),
            "silently wrong under drop: [8, 4] in place of [16, 4]",
        ),
        (
            Consequence.SILENT_WRONG,
            (outcome(Policy.DROP, Result.SILENT_WRONG, max_abs_error=float("nan")),),
            "silently wrong under drop, off by nan",
        ),
        (
            Consequence.SILENT_WRONG,
            (outcome(Policy.CUDA_GRAPH, Result.UNPROVED, predicted=Result.SILENT_WRONG),),
            "silently wrong under cuda-graph (predicted, not proved here)",
        ),
        (
            Consequence.RAISES,
            (outcome(Policy.DROP, Result.RAISES, error="KeyError: 'd0'"),),
            "raises under drop: KeyError: 'd0'",
        ),
        (
            Consequence.RECOMPILES,
            (outcome(Policy.SHAPES_ONLY, Result.REFUSED), outcome(Policy.RECOMPILE, Result.RECOMPILES, recompiles=1)),
            "recompiles under recompile (1 new compilation); refused under shapes-only",
        ),
        (Consequence.RAISES, (), "raises"),
    ],
)
def test_the_first_line_says_what_happens_under_which_policy(
    finding: Finding, consequence: Consequence, outcomes: tuple[Outcome, ...], sentence: str
) -> None:
    case = case_of(judged("image", *outcomes), findings=(replace(finding, consequence=consequence),))

    text = render(RunReport((case,)), width=160)

    assert f"  error SG101 none-at-profile [image]: {sentence}\n" in text


def test_an_error_that_eager_mode_raises_too_is_told_as_such(finding: Finding) -> None:
    error = replace(finding, kind=Kind.SERVING_ERROR, consequence=Consequence.RAISES, message="padded image step fails")
    scenario = replace(judged("image"), eager_error=Failure("ValueError", "16 tokens requested, 9 valid"))
    complete = replace(error, message="eager mode raises ValueError: 16 tokens requested, 9 valid in `get`")

    short, long = (render(RunReport((case_of(scenario, findings=(each,)),)), width=120) for each in (complete, error))

    assert "[image]: raises, in eager mode too\n" in short
    assert "[image]: raises, in eager mode too: ValueError: 16 tokens requested, 9 valid\n" in long


@pytest.mark.parametrize(
    ("graph", "sentence"),
    [
        (
            GraphChange(False, ("args[1]",), (("add", 1), ("mul", 7))),
            "the profile graph lacks 1 input (args[1]), 7 x mul, 1 x add",
        ),
        (GraphChange(False, extra_ops=(("mul", 2),)), "only the profile graph has 2 x mul"),
        (
            GraphChange(False, missing_ops=(("add", 1),), extra_ops=(("mul", 2),)),
            "the profile graph lacks 1 x add; only the profile graph has 2 x mul",
        ),
        (
            GraphChange(False),
            "the graphs differ in constants, shapes or order only",
        ),
    ],
)
def test_a_finding_says_how_the_graphs_differ(finding: Finding, graph: GraphChange, sentence: str) -> None:
    case = case_of(ScenarioReport("image", graph=graph), findings=(finding,))

    text = render(RunReport((case,)), width=200)

    assert f" at serving; {sentence}\n" in text


@pytest.mark.parametrize("graph", [GraphChange(True), GraphChange(None)])
def test_nothing_is_said_about_graphs_that_are_the_same_or_unknown(finding: Finding, graph: GraphChange) -> None:
    case = case_of(ScenarioReport("image", graph=graph), findings=(finding,))

    assert " graph " not in render(RunReport((case,)))
