"""The table of a case: scenarios by policies."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Any

from steadygraph.model import (
    CaseReport,
    Finding,
    Outcome,
    Policy,
    Result,
    ScenarioReport,
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


def test_every_policy_and_back_end_has_a_column_and_every_result_a_word() -> None:
    same = outcome(Policy.RECOMPILE, Result.SAME)
    inductor = outcome(Policy.DROP, Result.RAISES, backend="inductor")
    case = case_of(
        judged("a", same, outcome(Policy.DROP, Result.SILENT_WRONG, max_abs_error=float("inf")), inductor),
        judged("b", same, outcome(Policy.DROP, Result.SAME, predicted=Result.SILENT_WRONG), inductor),
        judged("c", outcome(Policy.RECOMPILE, Result.RECOMPILES, recompiles=2), outcome(Policy.DROP, Result.UNPROVED)),
    )

    text = render(RunReport((case,)))

    assert text == shown(
        """
        case.py
             recompile       drop                    drop inductor
          a  same            silent-wrong (inf)      raises
          b  same            predicted silent-wrong  raises
          c  recompiles (2)  unproved                -
          no findings

        1 case, 0 errors, 0 warnings, 0 notes
        """
    )


def test_a_table_that_is_too_wide_becomes_a_list() -> None:
    outcomes = (
        outcome(Policy.RECOMPILE, Result.RECOMPILES, recompiles=1),
        outcome(Policy.DROP, Result.SILENT_WRONG, max_abs_error=123.4),
        outcome(Policy.SHAPES_ONLY, Result.REFUSED),
        outcome(Policy.CUDA_GRAPH, Result.SILENT_WRONG, max_abs_error=1e-5),
    )
    case = case_of(judged("image", *outcomes))

    wide, narrow = render(RunReport((case,)), width=80), render(RunReport((case,)), width=60)

    assert wide == shown(
        """
        case.py
                 recompile       drop                shapes-only  cuda-graph
          image  recompiles (1)  silent-wrong (123)  refused      silent-wrong (1e-05)
          no findings

        1 case, 0 errors, 0 warnings, 0 notes
        """
    )
    assert narrow == shown(
        """
        case.py
          image
            recompile    recompiles (1)
            drop         silent-wrong (123)
            shapes-only  refused
            cuda-graph   silent-wrong (1e-05)
          no findings

        1 case, 0 errors, 0 warnings, 0 notes
        """
    )


def test_among_many_scenarios_those_that_stay_the_same_are_counted() -> None:
    steps = [judged(f"step{number}", outcome(Policy.DROP, Result.SAME)) for number in range(40)]
    case = case_of(*steps, judged("last", outcome(Policy.DROP, Result.RAISES)))

    text = render(RunReport((case,)))

    assert text == shown(
        """
        case.py
                drop
          last  raises
          40 more scenarios: same under every policy
          no findings

        1 case, 0 errors, 0 warnings, 0 notes
        """
    )


def test_the_profile_call_has_a_row_only_if_something_happens_to_it() -> None:
    same, raises = outcome(Policy.DROP, Result.SAME), outcome(Policy.DROP, Result.RAISES)

    usual = render(RunReport((case_of(judged("profile", same), judged("text", raises)),)))
    rare = render(RunReport((case_of(judged("profile", raises), judged("text", same)),)))

    assert usual.splitlines()[1:3] == ["        drop", "  text  raises"]
    assert rare.splitlines()[1:4] == ["           drop", "  profile  raises", "  text     same"]


def test_without_findings_and_changes_the_table_is_one_sentence() -> None:
    recompile, drop = outcome(Policy.RECOMPILE, Result.SAME), outcome(Policy.DROP, Result.SAME)
    inductor = outcome(Policy.DROP, Result.SAME, backend="inductor")

    def sentence(*scenarios: ScenarioReport) -> str:
        return render(RunReport((case_of(*scenarios),)), width=120).splitlines()[1]

    assert sentence(judged("a", drop)) == "  no findings: drop changes nothing in a"
    assert sentence(judged("profile", drop), *(judged(name, recompile, drop, inductor) for name in "abc")) == (
        "  no findings: recompile, drop and drop inductor change nothing in a, b and c"
    )
    assert sentence(*(judged(f"step{number}", recompile, drop) for number in range(40))) == (
        "  no findings: recompile and drop change nothing in all 40 scenarios"
    )


def test_what_cannot_be_executed_here_is_no_reason_to_leave_out_the_table() -> None:
    unproved = outcome(Policy.DROP, Result.UNPROVED)

    text = render(RunReport((case_of(judged("a", unproved)),)))

    assert text == shown(
        """
        case.py
             drop
          a  unproved
          no findings

        1 case, 0 errors, 0 warnings, 0 notes
        """
    )
