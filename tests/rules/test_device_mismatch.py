"""What SG701 says, whole, and whom it silences."""

from __future__ import annotations

import pytest

from steadygraph.model import (
    PROFILE,
    Aspect,
    DeviceMismatch,
    Evidence,
    Failure,
    Finding,
    Location,
    Owner,
    Severity,
    ViolatedGuard,
)
from steadygraph.rule.judge import judge
from steadygraph_rules import RULES

MADE = Location("model.py", 3, "forward", "ids = torch.tensor(ids)")
USED = Location("model.py", 4, "forward", "text = self.embed(ids)")
COMPARED = Location("model.py", 9, "validate", "assert x.device == self.device")
OPERANDS = (("weight", "cuda:0"), ("indices", "cpu"))
EMBEDDING = DeviceMismatch("aten.embedding", OPERANDS, USED, odd="indices", created=MADE)
COMPARISON = DeviceMismatch("==", (("x.device", "cuda:0"), ("self.device", "cuda")), COMPARED)
LOOKUP = DeviceMismatch("in", (("key", "(cuda, 4)"), ("a key of self.cache", "(cuda:0, 4)")), COMPARED)
IDENTITY = DeviceMismatch("is", (("x.device", "cuda:0"), ("self.device", "cuda")), COMPARED)
REMEMBERED = DeviceMismatch("call", (("device", "cuda"), ("what table was called with before", "cuda:0")), COMPARED)
RAISED = Failure("RuntimeError", "Expected all tensors to be on the same device", USED)
CREATE = "Create the tensor on the device of the others: device=x.device."
COMPARE = "Take the device from a tensor that was allocated with it: tensor.device has the index."


def judged(*mismatches: DeviceMismatch, error: Failure | None = None, **more: object) -> list[Finding]:
    values = {"scenario": "video", "regions": (), "profile": (), "serving": ()}
    evidence = Evidence(**{**values, **more}, mismatches=mismatches, eager_error=error)  # type: ignore[arg-type]
    return list(judge(evidence, RULES).findings)


@pytest.mark.parametrize(
    ("mismatch", "error", "message", "location", "fix", "severity"),
    [
        pytest.param(
            EMBEDDING,
            RAISED,
            "aten.embedding gets weight on cuda:0, indices on cpu at line 4 in `forward`; line 3 in `forward` made "
            "`indices`, and eager mode raises RuntimeError",
            MADE,
            CREATE,
            Severity.ERROR,
            id="operands",
        ),
        pytest.param(
            COMPARISON,
            Failure("AssertionError", "", COMPARED),
            "`x.device` is cuda:0 and `self.device` is cuda, which are never equal; eager mode raises AssertionError",
            COMPARED,
            COMPARE,
            Severity.ERROR,
            id="assert",
        ),
        pytest.param(
            COMPARISON,
            None,
            "`x.device` is cuda:0 and `self.device` is cuda, which are never equal, so this goes the same way in "
            "every call",
            COMPARED,
            COMPARE,
            Severity.WARNING,
            id="branch",
        ),
        pytest.param(
            LOOKUP,
            None,
            "`key` is (cuda, 4) and a key of self.cache is (cuda:0, 4): the look-up never finds it, so this goes the "
            "same way in every call",
            COMPARED,
            COMPARE,
            Severity.WARNING,
            id="look-up",
        ),
        pytest.param(
            IDENTITY,
            None,
            "`x.device` is cuda:0 and `self.device` is cuda, which are never equal, so this goes the same way in "
            "every call",
            COMPARED,
            COMPARE,
            Severity.WARNING,
            id="identity",
        ),
        pytest.param(
            REMEMBERED,
            None,
            "`device` is cuda and what table was called with before is cuda:0: the look-up never finds it, so this "
            "goes the same way in every call",
            COMPARED,
            COMPARE,
            Severity.WARNING,
            id="remembered call",
        ),
    ],
)
def test_it_says_which_devices_met_and_what_to_do(
    mismatch: DeviceMismatch, error: Failure | None, message: str, location: Location, fix: str, severity: Severity
) -> None:
    (found,) = judged(mismatch, error=error)

    assert (found.rule, found.message, found.location, found.fix, found.severity) == (
        "SG701",
        message,
        location,
        fix,
        severity,
    )


def test_an_error_of_a_real_device_is_recognised_by_its_words() -> None:
    text = (
        "Expected all tensors to be on the same device, but got index is on cpu, different from other tensors on cuda:0"
    )

    (found,) = judged(error=Failure("RuntimeError", text, USED))

    assert (found.rule, found.location) == ("SG701", USED)
    assert found.message == f"{text} at line 4 in `forward`, and eager mode raises RuntimeError"


def test_an_error_about_something_else_stays_a_serving_error() -> None:
    (found,) = judged(error=Failure("ValueError", "no image", USED))

    assert found.rule == "SG601"


def test_a_comparison_that_the_profile_call_makes_too_is_not_blamed_for_an_error_elsewhere() -> None:
    found = judged(COMPARISON, error=Failure("ValueError", "no image", USED), profile_mismatches=(COMPARISON,))

    assert [(one.rule, one.severity) for one in found] == [("SG601", Severity.ERROR), ("SG701", Severity.WARNING)]


def test_the_profile_call_is_told_about_its_comparisons() -> None:
    (found,) = judged(COMPARISON, scenario=PROFILE, profile_mismatches=(COMPARISON,))

    assert (found.rule, found.severity) == ("SG701", Severity.WARNING)


def test_a_moved_argument_that_makes_an_operator_raise_is_one_finding() -> None:
    moved = ViolatedGuard(
        source="L['ids']",
        path="ids.device",
        guard_type="TENSOR_MATCH",
        aspect=Aspect.DEVICE,
        owner=Owner.ARGUMENT,
        expected="cuda:0",
        actual="cpu",
        location=USED,
    )

    assert [one.rule for one in judged(violated_guards=(moved,))] == ["SG210"]
    assert [one.rule for one in judged(EMBEDDING, error=RAISED, violated_guards=(moved,))] == ["SG701"]
