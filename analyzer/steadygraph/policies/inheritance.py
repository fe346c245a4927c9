"""What a wrong call did to later ones: one that is right by itself may go on from what an earlier one left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from steadygraph.model import Outcome
from steadygraph.policies.runs import CallResult, is_bad


def told(
    outcomes: Mapping[str, Outcome], results: Mapping[str, CallResult], is_right_alone: Callable[[str], bool]
) -> dict[str, Outcome]:
    """The outcomes of a policy in the order of its calls; those that earlier calls are to blame for say so.

    Args:
        outcomes: Of each call.
        results: What each call gave and left behind.
        is_right_alone: Is this call right in the state that eager mode leaves before it?  It is asked for a bad outcome
            alone, and only if an earlier call left something wrong.
    """
    found: dict[str, Outcome] = {}
    wrong: dict[str, str] = {}
    for name, outcome in outcomes.items():
        inherits = bool(wrong) and is_bad(outcome) and not outcome.as_eager and is_right_alone(name)
        found[name] = replace(outcome, since=_since(results[name], wrong)) if inherits else outcome
        for effect in results[name].effects.wrong:
            wrong.setdefault(effect.place, name)
    return found


def _since(result: CallResult, wrong: Mapping[str, str]) -> str:
    """Where the call found something else than in eager mode, and which one left it."""
    place, call = next(iter(result.effects.before), None) or list(wrong.items())[-1]
    return f"{place} is not as in eager mode since {call}"
