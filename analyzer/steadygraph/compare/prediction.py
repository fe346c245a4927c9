"""What inductor would do where the eager back end cannot show it.

With guards dropped, eager kernels take whatever comes: another dtype is promoted, autocast is honoured, another size
just runs.  Inductor's kernels were made for the dtypes, the autocast state and the sizes of the profile call: they
read memory in the wrong type, ignore autocast, and assert the sizes and strides of their inputs.  A graph made where
nothing is derived has no backward: what it returns has no gradient.  Conditions on dynamic sizes are asserted by
nobody: where an eager kernel raises, one of inductor's reads what lies there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from steadygraph.model import Asks, Aspect, Checked, GraphChange, Outcome, Owner, Policy, Result, ViolatedGuard

_EAGER = "eager"
_UNKNOWN = GraphChange()
#: Where the graph of the profile call may answer what is not meant for it.
_WITHOUT_ALL_GUARDS = frozenset(Policy) - {Policy.RECOMPILE, Policy.SHAPES_ONLY, Policy.CUDA_GRAPH}
#: What the code around inductor's kernels looks at in each input: its sizes and strides, and that it is a tensor.
_ASSERTED = frozenset({Asks.SIZE, Asks.RANK, Asks.STRIDE, Asks.TENSOR})
_VISIBLE = frozenset({Aspect.SHAPE, Aspect.RANK, Aspect.STRIDE, Aspect.REQUIRES_GRAD})


def predicted(
    outcomes: Sequence[Outcome], violated: Sequence[ViolatedGuard], *, derived: bool = False
) -> tuple[Outcome, ...]:
    """The same outcomes, with a prediction where dropping guards was proved with the eager back end only.

    Args:
        outcomes: Those of one call.
        violated: The guards that it violates.
        derived: Does what it returns have a gradient, and what the profile call returns none?
    """
    proved = {outcome.backend for outcome in outcomes if outcome.policy in _WITHOUT_ALL_GUARDS}
    if proved - {_EAGER}:
        return tuple(outcomes)
    violated = _up_to_the_policy(violated)
    same = Result.SILENT_WRONG if derived else _with_inductor(violated)
    result = {Result.SAME: same, Result.RAISES: _where_eager_kernels_raise(violated)}
    return tuple(
        dataclasses.replace(outcome, predicted=result[outcome.result])
        if _is_open(outcome) and result.get(outcome.result)
        else outcome
        for outcome in outcomes
    )


def unproved(
    outcomes: Sequence[Outcome], violated: Sequence[ViolatedGuard], change: GraphChange = _UNKNOWN
) -> tuple[Outcome, ...]:
    """The same outcomes, with a prediction for those that lack values to be proved with.

    Where guards are kept nothing needs to be predicted: a graph was made for the call.  Elsewhere the graph of the
    profile call answers, which is wrong if the call would have had one that computes something else.
    """
    violated = _up_to_the_policy(violated)
    another = not change.recomputes and any(map(_takes_another_way, violated))
    result = Result.SILENT_WRONG if another else _with_inductor(violated)
    return tuple(
        dataclasses.replace(outcome, predicted=result)
        if result and outcome.result is Result.UNPROVED and _depends_on_guards(outcome)
        else outcome
        for outcome in outcomes
    )


def _depends_on_guards(outcome: Outcome) -> bool:
    """Not where guards are kept, nor where the capture or the memory of a graph is why it is bad."""
    bad = outcome.predicted in (Result.RAISES, Result.SILENT_WRONG)
    kept = outcome.policy is Policy.RECOMPILE or not outcome.of_profile
    return not kept and not (outcome.policy is Policy.CUDA_GRAPH and bad)


def _is_open(outcome: Outcome) -> bool:
    """Did the graph of the profile call answer, with fewer guards than it has?"""
    return outcome.policy in _WITHOUT_ALL_GUARDS and outcome.of_profile


def _up_to_the_policy(violated: Sequence[ViolatedGuard]) -> list[ViolatedGuard]:
    """Without those of what the model's own code compiles: it ran with its own back end and options."""
    return [guard for guard in violated if guard.checked is Checked.BY_POLICY]


def _takes_another_way(guard: ViolatedGuard) -> bool:
    """Sizes and strides that the graph does not fit show without values: it raises, or its results look different.

    A condition on sizes is another thing: it decided about the graph.
    """
    if guard.condition.is_relation:
        return guard.matters is True
    return guard.matters is not False and guard.aspect not in _VISIBLE


def _with_inductor(violated: Sequence[ViolatedGuard]) -> Result | None:
    if any(_reads_another_type(guard) for guard in violated):
        return Result.SILENT_WRONG
    if any(_asserted(guard) for guard in violated):
        return Result.RAISES
    return None


def _where_eager_kernels_raise(violated: Sequence[ViolatedGuard]) -> Result | None:
    asserted = any(_asserted(guard) for guard in violated)
    unchecked = any(_unchecked_condition(guard) for guard in violated)
    return Result.SILENT_WRONG if unchecked and not asserted else None


def _reads_another_type(guard: ViolatedGuard) -> bool:
    return guard.aspect is Aspect.DTYPE or (
        guard.aspect is Aspect.AMBIENT and guard.path.startswith("ambient.autocast")
    )


def _asserted(guard: ViolatedGuard) -> bool:
    """A fixed size or stride of an input, or that it is a tensor at all.

    Tensors of the module may be read through views, whose sizes nobody asserts.
    """
    if guard.condition.asks not in _ASSERTED or guard.owner is not Owner.ARGUMENT:
        return False
    meaningless = guard.aspect is Aspect.STRIDE and guard.size == 1
    return not meaningless and guard.aspect is not Aspect.OTHER


def _unchecked_condition(guard: ViolatedGuard) -> bool:
    """A condition on dynamic sizes that shaped the graph: a kernel reads past the end where eager kernels look."""
    return guard.condition.is_relation and guard.matters is not False
