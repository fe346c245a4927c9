"""How bad a violated guard is that changes no graph, and how many findings such guards make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from steadygraph.model import (
    Aspect,
    Consequence,
    Finding,
    Location,
    Outcome,
    Owner,
    Policy,
    Result,
    Severity,
    ViolatedGuard,
)

Make = Callable[..., ViolatedGuard]
Judge = Callable[..., tuple[Finding, ...]]


def outcomes(**results: Result) -> tuple[Outcome, ...]:
    """``outcomes(drop=Result.SAME)``."""
    return tuple(Outcome(Policy(name.replace("_", "-")), "eager", result) for name, result in results.items())


def flag(guard: Make, number: int, *, matters: bool, line: int = 7) -> ViolatedGuard:
    where = Location("model.py", line, "forward", "if flag:")
    made = guard(f"self.flag{number}", Aspect.VALUE, "'a'", "'b'", owner=Owner.MODULE, matters=matters)
    return replace(made, location=where)


def test_guards_of_one_line_that_change_no_graph_are_one_finding(guard: Make, judged: Judge) -> None:
    (found,) = judged(*(flag(guard, number, matters=False) for number in range(40)), drop=Result.SAME)

    assert found.message == (
        "attribute `self.flag0` is 'a' at profile, 'b' at serving; also `self.flag1`, `self.flag2` and 37 more"
    )
    assert found.also == tuple(f"self.flag{number}" for number in range(1, 40))


def test_guards_of_two_lines_are_two_findings(guard: Make, judged: Judge) -> None:
    found = judged(flag(guard, 1, matters=False, line=7), flag(guard, 2, matters=False, line=8), drop=Result.SAME)

    assert [finding.path for finding in found] == ["self.flag1", "self.flag2"]


def test_guards_that_change_the_graph_are_told_one_by_one(guard: Make, judged: Judge) -> None:
    found = judged(flag(guard, 1, matters=True), flag(guard, 2, matters=True))

    assert [finding.path for finding in found] == ["self.flag1", "self.flag2"]


@pytest.mark.parametrize(
    ("results", "consequence"),
    [
        (outcomes(drop=Result.SAME), Consequence.BENIGN),
        (outcomes(cuda_graph=Result.SAME, shapes_only=Result.SAME), Consequence.BENIGN),
        (outcomes(drop=Result.SAME, recompile=Result.SAME), Consequence.RECOMPILES),
        (outcomes(drop=Result.SAME, shapes_only=Result.REFUSED), Consequence.RECOMPILES),
        (outcomes(drop=Result.SILENT_WRONG), Consequence.SILENT_WRONG),
        ((), Consequence.RECOMPILES),
    ],
)
def test_a_guard_costs_something_where_somebody_looks_at_it(
    guard: Make, judged: Judge, results: tuple[Outcome, ...], consequence: Consequence
) -> None:
    (found,) = judged(flag(guard, 1, matters=False), outcomes=results)

    assert found.consequence is consequence


def test_what_changes_no_graph_is_a_note_beside_what_does_where_guards_are_dropped(guard: Make, judged: Judge) -> None:
    found = judged(
        flag(guard, 1, matters=False),
        guard("deep", Aspect.NONE, "None", "a tensor"),
        outcomes=outcomes(drop=Result.SILENT_WRONG),
    )

    assert [(finding.path, finding.severity) for finding in found] == [
        ("deep", Severity.ERROR),
        ("self.flag1", Severity.NOTE),
    ]
