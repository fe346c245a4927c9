"""Numbers that are inputs of a compiled graph, and constants of a captured one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from steadygraph.model import Aspect, Consequence, Difference, Evidence, Finding, Policy, Result
from steadygraph.rule import Message, Rule
from steadygraph_rules.blame import of_guards

INT = re.compile(r"-?\d+")
FLOAT = re.compile(r"-?(?:\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+|inf|nan)")


def findings(rule: Rule, evidence: Evidence, kind: re.Pattern[str]) -> Iterator[Finding]:
    """What ``rule`` says about the numbers of one kind that a replay goes on computing with."""
    for one in _numbers(evidence, kind):
        yield rule.finding(
            evidence,
            _message(one),
            path=one.path,
            consequence=Consequence.SILENT_WRONG,
            fix=_fix(one),
            region=one.region,
            profile=one.profile,
            serving=one.serving,
            says_change=True,
        )


def _numbers(evidence: Evidence, kind: re.Pattern[str]) -> Sequence[Difference]:
    """Arguments whose number (``INT`` or ``FLOAT``) a replay of the captured graph got wrong, though no guard minds.

    Dynamo may have made the number an input; a CUDA graph records kernels with the numbers they were launched with.
    """
    replayed_wrong = any(
        outcome.policy is Policy.CUDA_GRAPH and outcome.result is Result.SILENT_WRONG for outcome in of_guards(evidence)
    )
    if not replayed_wrong or evidence.violated_guards:
        return ()
    return [one for one in evidence.differences if one.aspect is Aspect.VALUE and _are(kind, one)]


def _message(one: Difference) -> Message:
    return (
        f"argument `{one.path}` is {one.profile} at profile, {one.serving} at serving",
        f", and a captured graph replays kernels that were launched with {one.profile}",
    )


def _fix(one: Difference) -> str:
    return f"Pass `{one.path}` as a 0-d tensor, which a replay reads anew, or capture a graph for each value."


def _are(kind: re.Pattern[str], one: Difference) -> bool:
    return all(kind.fullmatch(value) is not None for value in (one.profile, one.serving))
