"""Why torch.compile refuses a call, where that is known, and what can be waived to judge it all the same."""

from __future__ import annotations

from steadygraph import torch_private
from steadygraph.model import BreakReason, BrokenMark, Failure, GraphBreak, Refusal
from steadygraph.observe.graphs import breaks
from steadygraph.observe.places import locations
from steadygraph.torch_private.entries import BreakEvent


def refusal_of(error: BaseException, failure: Failure, operator: str | None) -> Refusal | None:
    """What torch.compile refuses; None if the exception is about anything else.

    Args:
        error: What a call raised.
        failure: The same, as it is told.
        operator: The one without a fake implementation that is to blame.
    """
    if operator is not None:
        lacking = GraphBreak(BreakReason.NO_FAKE_IMPLEMENTATION, operator, failure.location)
        return Refusal(failure, breaks=(lacking,))
    reason = torch_private.unsupported(error)
    if reason is not None:
        return Refusal(failure, breaks=breaks.capture([BreakEvent(*reason)], callers=()))
    marks = tuple(
        BrokenMark(one.path, one.dim, one.equal, one.condition, locations.of_trace(one.trace))
        for one in torch_private.violated_marks(error)
    )
    return Refusal(failure, marks=marks) if marks else None
