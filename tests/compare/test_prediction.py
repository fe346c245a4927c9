"""What inductor is expected to do where eager kernels cannot show it; each line was measured with torch 2.13."""

import dataclasses

import pytest

from steadygraph.compare.prediction import predicted
from steadygraph.model import Asks, Aspect, Condition, Outcome, Owner, Policy, Result, ViolatedGuard

SAME = Outcome(Policy.DROP, "eager", Result.SAME)
RAISES = Outcome(Policy.DROP, "eager", Result.RAISES)


def guard(aspect: Aspect, asks: Asks, size: int | None = None) -> ViolatedGuard:
    values = ("L['x']", "x", "TENSOR_MATCH", aspect, Owner.ARGUMENT, "1", "2", None)
    return ViolatedGuard(*values, matters=True, size=size, condition=Condition(asks))


@pytest.mark.parametrize(
    ("proved", "violated", "expected"),
    [
        pytest.param(SAME, (), None, id="nothing is violated"),
        pytest.param(SAME, (guard(Aspect.DTYPE, Asks.DTYPE),), Result.SILENT_WRONG, id="memory read in another type"),
        pytest.param(SAME, (guard(Aspect.SHAPE, Asks.SIZE),), Result.RAISES, id="a size is asserted"),
        pytest.param(SAME, (guard(Aspect.STRIDE, Asks.STRIDE, size=3),), Result.RAISES, id="a stride is asserted"),
        pytest.param(SAME, (guard(Aspect.STRIDE, Asks.STRIDE, size=1),), None, id="a stride without meaning is not"),
        pytest.param(SAME, (guard(Aspect.NONE, Asks.TENSOR),), Result.RAISES, id="no tensor where the graph has one"),
        pytest.param(SAME, (guard(Aspect.NONE, Asks.IS_NONE),), None, id="a tensor that the graph does not have"),
        pytest.param(RAISES, (guard(Aspect.SHAPE, Asks.SIZE),), None, id="both raise"),
        pytest.param(
            RAISES, (guard(Aspect.SHAPE, Asks.SIZE_RELATION),), Result.SILENT_WRONG, id="past the end of a table"
        ),
    ],
)
def test_dropped_guards_with_inductor(
    proved: Outcome, violated: tuple[ViolatedGuard, ...], expected: Result | None
) -> None:
    assert predicted((proved,), violated) == (dataclasses.replace(proved, predicted=expected),)


def test_what_inductor_itself_showed_needs_no_prediction() -> None:
    shown = (SAME, Outcome(Policy.DROP, "inductor", Result.SILENT_WRONG))

    assert predicted(shown, (guard(Aspect.DTYPE, Asks.DTYPE),)) == shown
