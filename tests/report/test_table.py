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
from steadygraph.report.document import Report
from steadygraph.report.text import render


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

    text = render(Report((case,)))

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

    wide, narrow = render(Report((case,)), width=80), render(Report((case,)), width=60)

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

    text = render(Report((case,)))

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

    usual = render(Report((case_of(judged("profile", same), judged("text", same)),)))
    rare = render(Report((case_of(judged("profile", raises), judged("text", same)),)))

    assert usual.splitlines()[1:3] == ["        drop", "  text  same"]
    assert rare.splitlines()[1:4] == ["           drop", "  profile  raises", "  text     same"]
