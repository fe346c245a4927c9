"""Sentences about findings: what happens, under which policy, what the graph lacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from steadygraph.model import Consequence, Failure, GraphChange, Outcome, Policy, Result, ScenarioReport
from steadygraph.report.document import counted
from steadygraph.report.layout import flat, listed
from steadygraph.report.table import error_size, policy_label

_RESULTS = {
    Consequence.SILENT_WRONG: (Result.SILENT_WRONG,),
    Consequence.RAISES: (Result.RAISES,),
    Consequence.RECOMPILES: (Result.RECOMPILES, Result.REFUSED),
}
_VERBS = {
    Result.SILENT_WRONG: "silently wrong",
    Result.RAISES: "raises",
    Result.RECOMPILES: "recompiles",
    Result.REFUSED: "refused",
}
_MOST_OPERATORS = 4


def what_happens(consequence: Consequence, scenarios: Sequence[ScenarioReport], *, told: str = "") -> str:
    """``silently wrong under drop, off by up to 0.59``.

    Args:
        consequence: Of the finding.
        scenarios: Those in which it was found; their outcomes say under which policy.
        told: The message beside it; what stands there is not said twice.
    """
    if consequence not in _RESULTS:
        return str(consequence)
    outcomes = [outcome for scenario in scenarios for outcome in scenario.outcomes]
    if consequence is Consequence.RAISES and any(scenario.eager_error for scenario in scenarios):
        failures = (str(scenario.eager_error) for scenario in scenarios if scenario.eager_error)
        return f"raises, in eager mode too{_unless_told(next(failures), told)}"
    phrases = [
        phrase
        for result in _RESULTS[consequence]
        for phrase in (_proved(result, outcomes, told), _predicted(result, outcomes))
        if phrase
    ]
    return "; ".join(phrases) or _VERBS[_RESULTS[consequence][0]]


def eager_failure(name: str, failure: Failure) -> str:
    """For a scenario that no finding speaks of."""
    return f"{flat(name, 60)}: eager mode itself raises {flat(str(failure))}"


def what_the_graph_lacks(graph: GraphChange) -> str:
    """``the profile graph lacks 3 inputs (kwargs['deep'], ...) and 3 x add``; empty if the graphs are the same."""
    if graph.same is not False:
        return ""
    lacks = [_operators(graph.missing_ops)] if graph.missing_ops else []
    if graph.missing_inputs:
        first, more = flat(graph.missing_inputs[0], 100), len(graph.missing_inputs) > 1
        lacks.insert(0, f"{counted(len(graph.missing_inputs), 'input')} ({first}{', ...' if more else ''})")
    only = f"only the profile graph has {_operators(graph.extra_ops)}" if graph.extra_ops else ""
    if not lacks:
        return only or "the serving graph has the same inputs and operators, with other constants, shapes or order"
    return f"the profile graph lacks {' and '.join(lacks)}" + (f"; {only}" if only else "")


def _operators(operators: Iterable[tuple[str, int]]) -> str:
    """Most frequent first, because those show what the missing code does."""
    counts = sorted(operators, key=lambda pair: -pair[1])
    return listed((f"{count} x {flat(name, 60)}" for name, count in counts), _MOST_OPERATORS, limit=80)


def _proved(result: Result, outcomes: Iterable[Outcome], told: str) -> str:
    proved = [outcome for outcome in outcomes if outcome.result is result]
    if not proved:
        return ""
    return f"{_VERBS[result]} under {_policies(proved)}{_detail(result, proved, told)}"


def _predicted(result: Result, outcomes: Iterable[Outcome]) -> str:
    predicted = [outcome for outcome in outcomes if outcome.predicted is result and outcome.result is not result]
    return f"{_VERBS[result]} under {_policies(predicted)} (predicted, not proved here)" if predicted else ""


def _policies(outcomes: Iterable[Outcome]) -> str:
    order = tuple(Policy)
    labels = dict.fromkeys(policy_label(each) for each in sorted(outcomes, key=lambda each: order.index(each.policy)))
    return " and ".join(labels)


def _detail(result: Result, outcomes: Sequence[Outcome], told: str) -> str:
    if result is Result.RECOMPILES:
        number = sum(outcome.recompiles or 0 for outcome in outcomes)
        return f" ({counted(number, 'new compilation')})" if number else ""
    errors = [outcome.max_abs_error for outcome in outcomes if outcome.max_abs_error is not None]
    if result is Result.SILENT_WRONG and errors:
        worst = max(errors, key=lambda error: math.inf if math.isnan(error) else error)
        return f", off by {'up to ' if len(errors) > 1 else ''}{error_size(worst)}"
    reason = next((outcome.error for outcome in outcomes if outcome.error), None)
    return _unless_told(reason, told) if reason else ""


def _unless_told(reason: str, told: str) -> str:
    return "" if reason in told else f": {flat(reason)}"
