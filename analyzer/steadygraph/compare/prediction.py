"""What inductor would do where the eager back end cannot show it.

With guards dropped, eager kernels take whatever comes: another dtype is promoted, autocast is honoured, another size
just runs.  Inductor's kernels were made for the dtypes, the autocast state and the sizes of the profile call: they
read memory in the wrong type, ignore autocast, and assert the sizes of their inputs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from steadygraph.model import Aspect, Outcome, Owner, Policy, Result, ViolatedGuard

_EAGER = "eager"


def predicted(outcomes: Sequence[Outcome], violated: Sequence[ViolatedGuard]) -> tuple[Outcome, ...]:
    """The same outcomes, with a prediction where ``drop`` was proved with the eager back end only."""
    proved = {outcome.backend for outcome in outcomes if outcome.policy is Policy.DROP}
    result = _with_inductor(violated)
    if result is None or proved - {_EAGER}:
        return tuple(outcomes)
    return tuple(
        dataclasses.replace(outcome, predicted=result)
        if outcome.policy is Policy.DROP and outcome.result is Result.SAME
        else outcome
        for outcome in outcomes
    )


def _with_inductor(violated: Sequence[ViolatedGuard]) -> Result | None:
    if any(_reads_another_type(guard) for guard in violated):
        return Result.SILENT_WRONG
    if any(_asserted_size(guard) for guard in violated):
        return Result.RAISES
    return None


def _reads_another_type(guard: ViolatedGuard) -> bool:
    return guard.aspect is Aspect.DTYPE or (
        guard.aspect is Aspect.AMBIENT and guard.path.startswith("ambient.autocast")
    )


def _asserted_size(guard: ViolatedGuard) -> bool:
    """A fixed size of an input.  Tensors of the module may be read through views, whose sizes nobody asserts."""
    fixed = guard.guard_type == "TENSOR_MATCH" and guard.aspect in (Aspect.SHAPE, Aspect.RANK)
    return fixed and guard.owner is Owner.ARGUMENT
