"""What is predicted for a call whose results have no values to be compared."""

import dataclasses

import pytest

from steadygraph.compare.prediction import unproved
from steadygraph.model import Asks, Aspect, Condition, GraphChange, Outcome, Owner, Policy, Result, ViolatedGuard

KEPT = Outcome(Policy.RECOMPILE, "eager", Result.UNPROVED, recompiles=1, predicted=Result.RECOMPILES)
DROPPED = Outcome(Policy.DROP, "eager", Result.UNPROVED, predicted=Result.SAME)
PROVED = Outcome(Policy.DROP, "eager", Result.RAISES)


def guard(aspect: Aspect, asks: Asks = Asks.VALUE, *, matters: bool | None = True) -> ViolatedGuard:
    values = ("L['x']", "x", "EQUALS_MATCH", aspect, Owner.ARGUMENT, "1", "2", None)
    return ViolatedGuard(*values, matters=matters, condition=Condition(asks))


def stride(size: int) -> ViolatedGuard:
    return dataclasses.replace(guard(Aspect.STRIDE, Asks.STRIDE), size=size)


@pytest.mark.parametrize(
    ("violated", "predicted"),
    [
        pytest.param((), Result.SAME, id="no guard is violated"),
        pytest.param((guard(Aspect.VALUE, matters=False),), Result.SAME, id="the graph is the same"),
        pytest.param((guard(Aspect.NONE),), Result.SILENT_WRONG, id="another branch"),
        pytest.param((guard(Aspect.VALUE, matters=None),), Result.SILENT_WRONG, id="no graph to compare with"),
        pytest.param((guard(Aspect.SHAPE, Asks.SIZE),), Result.RAISES, id="a size that is asserted"),
        pytest.param((guard(Aspect.SHAPE, Asks.SIZE_RELATION),), Result.SILENT_WRONG, id="a condition on sizes"),
        pytest.param((stride(size=4),), Result.RAISES, id="a stride that is asserted"),
        pytest.param((stride(size=1),), Result.SAME, id="a stride of a single element"),
    ],
)
def test_the_profile_graph_is_right_only_if_the_call_takes_its_way(
    violated: tuple[ViolatedGuard, ...], predicted: Result
) -> None:
    (found,) = unproved((DROPPED,), violated)

    assert (found.result, found.predicted) == (Result.UNPROVED, predicted)


def test_what_is_proved_or_compiled_for_the_call_is_left_alone() -> None:
    assert unproved((KEPT, PROVED), (guard(Aspect.NONE),)) == (KEPT, PROVED)


def test_a_graph_that_merely_recomputes_is_slow_and_right() -> None:
    again = GraphChange(same=False, missing_inputs=("self.table",), recomputes=True)

    (found,) = unproved((DROPPED,), (guard(Aspect.NONE),), again)

    assert (found.result, found.predicted) == (Result.UNPROVED, Result.SAME)
