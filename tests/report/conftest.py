"""Three cases as an analysis could have left them: broken, repaired, and one without a result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steadygraph.model import (
    Aspect,
    CaseReport,
    Consequence,
    Difference,
    Finding,
    GraphChange,
    Kind,
    Location,
    Outcome,
    Owner,
    Policy,
    Problem,
    Region,
    Result,
    ScenarioReport,
    Severity,
    Status,
    ViolatedGuard,
)

ARGUMENT = "kwargs['deepstack']"
TENSORS = "IntermediateTensors with 3 tensors"
BRANCH = Location("examples/model.py", 41, "forward", "if deepstack is not None:")


def recompile(number: int = 0) -> Outcome:
    result = Result.RECOMPILES if number else Result.SAME
    return Outcome(Policy.RECOMPILE, "eager", result, max_abs_error=0.0, recompiles=number)


def drop(error: float | None = None) -> Outcome:
    return Outcome(Policy.DROP, "eager", Result.SILENT_WRONG if error else Result.SAME, max_abs_error=error or 0.0)


def guard(number: int) -> ViolatedGuard:
    """A size that the image brings and that no graph depends on."""
    return ViolatedGuard(
        source=f"L['x{number}']",
        path=f"args[{number}].shape[0]",
        guard_type="TENSOR_MATCH",
        aspect=Aspect.SHAPE,
        owner=Owner.ARGUMENT,
        expected="16",
        actual="8",
        location=None,
        dim=0,
        matters=False,
    )


@pytest.fixture
def finding() -> Finding:
    return Finding(
        rule="SG101",
        name="none-at-profile",
        kind=Kind.INPUT_STRUCTURE,
        severity=Severity.ERROR,
        scenario="image",
        region="",
        consequence=Consequence.SILENT_WRONG,
        message=f"argument `{ARGUMENT}` is None at profile, {TENSORS} at serving",
        location=BRANCH,
        fix=f"Pass `{ARGUMENT}` at profile too, zero-filled: the same keys, shapes and dtypes.",
        fingerprint="0123456789abcdef",
        path=ARGUMENT,
        profile="None",
        serving=TENSORS,
    )


@pytest.fixture
def broken(finding: Finding) -> CaseReport:
    """Text is fine, an image and a video lose their features."""
    names = ("d0", "d1", "d2")
    lacks = GraphChange(False, tuple(f"{ARGUMENT}.tensors['{name}']" for name in names), (("aten.add.Tensor", 3),))
    none = replace(guard(0), source="L['deepstack']", path=ARGUMENT, aspect=Aspect.NONE, matters=True, location=BRANCH)
    difference = Difference(ARGUMENT, Aspect.NONE, "None", TENSORS)
    violated = (none, *(guard(number) for number in range(1, 213)))
    return CaseReport(
        target="examples/broken.py",
        status=Status.COMPLETED,
        duration_s=1.25,
        regions=(Region("", Location("examples/model.py", 31, "forward"), guards=252, graphs=1),),
        scenarios=(
            ScenarioReport("profile"),
            ScenarioReport("text", graph=GraphChange(True), outcomes=(recompile(), drop())),
            ScenarioReport("image", (difference,), violated, lacks, (recompile(1), drop(0.5932))),
            ScenarioReport("video", (difference,), violated, lacks, (recompile(), drop(0.61))),
        ),
        findings=(finding, replace(finding, scenario="video", fingerprint="fedcba9876543210")),
    )


@pytest.fixture
def repaired() -> CaseReport:
    names = ("text", "image")
    judged = tuple(ScenarioReport(name, graph=GraphChange(True), outcomes=(recompile(), drop())) for name in names)
    return CaseReport(
        target="examples/repaired.py",
        status=Status.COMPLETED,
        duration_s=0.5,
        regions=(Region("", None, guards=1250, graphs=1),),
        scenarios=(ScenarioReport("profile"), *judged),
    )


@pytest.fixture
def failed() -> CaseReport:
    return CaseReport(
        target="examples/empty.py",
        status=Status.FAILED,
        duration_s=0.0,
        error=Problem(
            "CaseError",
            "examples/empty.py defines no profile()",
            "add a function profile() that returns (args, kwargs) of the warm-up call",
        ),
    )
