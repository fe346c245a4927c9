"""What an earlier request left behind is one finding, also where it makes the next one raise."""

from __future__ import annotations

from collections.abc import Callable

from steadygraph.model import Consequence, Failure, Finding, Leak, Location, Outcome, Policy, Result

Judge = Callable[..., tuple[Finding, ...]]

LINE = Location("store.py", 3, "check", "raise ValueError(")
RAISED = Failure("ValueError", "16 of 9 rows", LINE)
BOTH_RAISE = (Outcome(Policy.DROP, "eager", Result.RAISES, error=str(RAISED)),)


def test_an_error_that_an_earlier_request_left_is_one_finding_at_the_line_that_raises(judged: Judge) -> None:
    leak = Leak(("self.num_valid",), "raises ValueError: 16 of 9 rows, and does not on a fresh model")

    (found,) = judged(outcomes=BOTH_RAISE, eager_error=RAISED, leak=leak)

    assert (found.rule, found.consequence, found.location) == ("SG603", Consequence.RAISES, LINE)
    assert found.message == (
        "an earlier request leaks into this one through `self.num_valid`: on a fresh model the result is another "
        "(raises ValueError: 16 of 9 rows, and does not on a fresh model)"
    )


def test_the_same_error_without_an_earlier_request_is_an_error_of_this_one(judged: Judge) -> None:
    (found,) = judged(outcomes=BOTH_RAISE, eager_error=RAISED)

    assert (found.rule, found.consequence) == ("SG601", Consequence.RAISES)
