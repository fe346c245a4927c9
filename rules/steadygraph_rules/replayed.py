"""Numbers that are inputs of a compiled graph, and constants of a captured one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from steadygraph.model import Aspect, Difference, Evidence, Policy, Result

INT = re.compile(r"-?\d+")
FLOAT = re.compile(r"-?(?:\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+|inf|nan)")


def numbers(evidence: Evidence, kind: re.Pattern[str]) -> Sequence[Difference]:
    """Arguments whose number (``INT`` or ``FLOAT``) a replay of the captured graph got wrong, though no guard minds.

    Dynamo may have made the number an input; a CUDA graph records kernels with the numbers they were launched with.
    """
    replayed_wrong = any(
        outcome.policy is Policy.CUDA_GRAPH and outcome.result is Result.SILENT_WRONG for outcome in evidence.outcomes
    )
    if not replayed_wrong or evidence.violated_guards or evidence.moved:
        return ()
    return [one for one in evidence.differences if one.aspect is Aspect.VALUE and _are(kind, one)]


def message(one: Difference) -> str:
    return (
        f"argument `{one.path}` is {one.profile} at profile, {one.serving} at serving, and a captured graph replays "
        f"kernels that were launched with {one.profile}"
    )


def fix(one: Difference) -> str:
    return f"Pass `{one.path}` as a 0-d tensor, which a replay reads anew, or capture a graph for each value."


def _are(kind: re.Pattern[str], one: Difference) -> bool:
    return all(kind.fullmatch(value) is not None for value in (one.profile, one.serving))
