"""What an outcome is worth where values were not known on the way."""

import pytest
import torch

from steadygraph.model import Failure, Outcome, Policy, Result
from steadygraph.policies.proof import freeze
from steadygraph.policies.runs import CallResult, outcome

FAILED = Failure("ValueError", "no rows", None)
RIGHT, WRONG = freeze(torch.ones(2)), freeze(torch.zeros(2))


def judged(eager: CallResult, got: CallResult) -> tuple[Result, Result | None]:
    found: Outcome = outcome(Policy.DROP, "eager", eager, got)
    return found.result, found.predicted


@pytest.mark.parametrize(
    ("eager", "got", "expected"),
    [
        pytest.param(CallResult(RIGHT), CallResult(RIGHT), (Result.SAME, None), id="known"),
        pytest.param(CallResult(RIGHT, unknown=True), CallResult(RIGHT), (Result.UNPROVED, Result.SAME), id="eager"),
        pytest.param(CallResult(RIGHT), CallResult(RIGHT, unknown=True), (Result.UNPROVED, Result.SAME), id="policy"),
        pytest.param(CallResult(RIGHT), CallResult(failure=FAILED), (Result.RAISES, None), id="raises"),
        pytest.param(
            CallResult(RIGHT, unknown=True), CallResult(failure=FAILED), (Result.RAISES, None), id="raises without it"
        ),
        pytest.param(
            CallResult(RIGHT),
            CallResult(failure=FAILED, unknown=True),
            (Result.UNPROVED, Result.RAISES),
            id="raises behind it",
        ),
        pytest.param(
            CallResult(failure=FAILED, unknown=True),
            CallResult(failure=FAILED, unknown=True),
            (Result.RAISES, None),
            id="both raise",
        ),
        pytest.param(CallResult(failure=FAILED), CallResult(RIGHT), (Result.SILENT_WRONG, None), id="eager raises"),
        pytest.param(
            CallResult(failure=FAILED, unknown=True),
            CallResult(RIGHT),
            (Result.UNPROVED, Result.SILENT_WRONG),
            id="eager raises behind it",
        ),
        pytest.param(
            CallResult(failure=FAILED, limited=True),
            CallResult(WRONG),
            (Result.UNPROVED, None),
            id="eager cannot go on",
        ),
        pytest.param(
            CallResult(RIGHT), CallResult(failure=FAILED, limited=True), (Result.UNPROVED, None), id="it cannot go on"
        ),
    ],
)
def test_nothing_is_proved_behind_a_value_that_is_not_known(
    eager: CallResult, got: CallResult, expected: tuple[Result, Result | None]
) -> None:
    assert judged(eager, got) == expected
