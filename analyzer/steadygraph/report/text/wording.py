"""Sentences about findings: what happens, under which policy, what the graph lacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from steadygraph.model import (
    Consequence,
    Failure,
    Finding,
    GraphChange,
    Outcome,
    Policy,
    Reach,
    Region,
    Result,
    ScenarioReport,
)
from steadygraph.model.run import counted
from steadygraph.report.text.layout import cells, flat, listed
from steadygraph.report.text.table import error_size, policy_label

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
_MOST_OPERATORS, _MOST_OUTPUTS = 4, 2
#: Which parts of what the graph lacks are told: an input by name, so many operators, what only the profile graph has.
_LESS_AND_LESS = (
    (True, _MOST_OPERATORS, True),
    (False, _MOST_OPERATORS, True),
    (True, _MOST_OPERATORS, False),
    (False, _MOST_OPERATORS, False),
    (False, 2, False),
    (False, 1, False),
)


def what_happens(finding: Finding, scenarios: Sequence[ScenarioReport]) -> str:
    """``silently wrong under drop, off by up to 0.59``; an exception only where the message does not tell it.

    Args:
        finding: Any finding.
        scenarios: Those in which it was found; their outcomes say under which policy.
    """
    consequence = finding.consequence
    if consequence not in _RESULTS:
        return str(consequence)
    outcomes = [outcome for scenario in scenarios for outcome in scenario.outcomes]
    if consequence is Consequence.RAISES and any(scenario.eager_error for scenario in scenarios):
        failures = (str(scenario.eager_error) for scenario in scenarios if scenario.eager_error)
        return f"raises, in eager mode too{_unless_told(next(failures), finding)}"
    phrases = [
        phrase
        for result in _RESULTS[consequence]
        for phrase in (_proved(result, outcomes, finding), _predicted(result, outcomes))
        if phrase
    ]
    return "; ".join(phrases) or _VERBS[_RESULTS[consequence][0]]


def what_changed(finding: Finding) -> str:
    """``kwargs['deep']: None at profile, Tensor at serving``; empty where the message says it."""
    if finding.untold is None:
        return ""
    path, profile, serving = finding.untold
    sides = [f"{flat(value)} at {call}" for value, call in ((profile, "profile"), (serving, "serving")) if value]
    return f"{flat(path, 120)}: {', '.join(sides)}" if path else ", ".join(sides)


def compiled(regions: Sequence[Region]) -> str:
    """``decoder: 523 guards, 1 graph``; of several regions their sums."""
    sums = (
        (sum(region.guards for region in regions), "guard"),
        (sum(region.graphs for region in regions), "graph"),
        (sum(region.graph_breaks for region in regions), "graph break"),
    )
    counts = ", ".join(counted(number, noun) for number, noun in sums if number or noun != "graph break")
    name = flat(regions[0].name, 80) if len(regions) == 1 else counted(len(regions), "region")
    return f"{name}: {counts}" if name else counts


def eager_failure(name: str, failure: Failure) -> str:
    """For a scenario that no finding speaks of."""
    return f"{flat(name, 60)}: eager mode itself raises {flat(str(failure))}"


def what_the_graph_lacks(graph: GraphChange, *, about: str = "", room: int | None = None) -> str:
    """``the profile graph lacks 3 inputs (kwargs['deep'], ...) and 3 x add``; empty if the graphs are the same.

    Where some outputs of the graph stay what they are: ``...; this reaches 1 of 2 outputs: [0] float32[s0, 64]``.

    Args:
        graph: How the graphs differ.
        about: Path of the finding; of many inputs one that belongs to it is named.
        room: Columns; what says least is left out until the sentence fits into them.
    """
    if graph.same is not False:
        return ""
    told = [f"{each}{reach}" for reach in _reaches(graph.reach) for each in _lacks(graph, about)]
    return next((each for each in told if room is None or cells(each) <= room), told[-1])


def _lacks(graph: GraphChange, about: str) -> list[str]:
    """Longest first."""
    only = f"only the profile graph has {_operators(graph.extra_ops)}" if graph.extra_ops else ""
    if not graph.missing_inputs and not graph.missing_ops:
        return [only or "the graphs differ in constants, shapes or order only"]
    return [
        f"the profile graph lacks {_missing(graph, about if named else None, most)}"
        + (f"; {only}" if only and more else "")
        for named, most, more in _LESS_AND_LESS
    ]


def _reaches(reach: Reach | None) -> list[str]:
    """Which outputs differ, where some do not; longest first."""
    if reach is None or len(reach.reached) == reach.outputs:
        return [""]
    if not reach.reached:
        return ["; this reaches no output", ""]
    short = f"; this reaches {len(reach.reached)} of {counted(reach.outputs, 'output')}"
    which = listed((f"[{each.position}] {flat(each.value, 80)}".rstrip() for each in reach.reached), _MOST_OUTPUTS)
    return [f"{short}: {which}", short, ""]


def _missing(graph: GraphChange, about: str | None, most: int) -> str:
    inputs, operators = graph.missing_inputs, graph.missing_ops
    parts = [_operators(operators, most)] if operators else []
    if inputs:
        parts.insert(0, counted(len(inputs), "input") + (_example(inputs, about) if about is not None else ""))
    return (" and " if len(operators) == 1 else ", ").join(parts)


def _example(inputs: Sequence[str], about: str) -> str:
    """One name, where it says something: the weights of another graph are not what is missed."""
    name = inputs[0] if len(inputs) == 1 else next((each for each in inputs if about and each.startswith(about)), None)
    return "" if name is None else f" ({flat(name, 100)}{', ...' if len(inputs) > 1 else ''})"


def _operators(operators: Iterable[tuple[str, int]], most: int = _MOST_OPERATORS) -> str:
    """Most frequent first, because those show what the missing code does."""
    counts = sorted(operators, key=lambda pair: -pair[1])
    return listed((f"{count} x {flat(name, 60)}" for name, count in counts), most, limit=80)


def _proved(result: Result, outcomes: Iterable[Outcome], finding: Finding) -> str:
    proved = [outcome for outcome in outcomes if outcome.result is result]
    if not proved:
        return ""
    return f"{_VERBS[result]} under {_policies(proved)}{_detail(result, proved, finding)}"


def _predicted(result: Result, outcomes: Iterable[Outcome]) -> str:
    predicted = [outcome for outcome in outcomes if outcome.predicted is result and outcome.result is not result]
    return f"{_VERBS[result]} under {_policies(predicted)} (predicted, not proved here)" if predicted else ""


def _policies(outcomes: Iterable[Outcome]) -> str:
    order = tuple(Policy)
    labels = dict.fromkeys(policy_label(each) for each in sorted(outcomes, key=lambda each: order.index(each.policy)))
    return " and ".join(labels)


def _detail(result: Result, outcomes: Sequence[Outcome], finding: Finding) -> str:
    if result is Result.RECOMPILES:
        number = sum(outcome.recompiles or 0 for outcome in outcomes)
        return f" ({counted(number, 'new compilation')})" if number else ""
    effect = next((outcome.effect for outcome in outcomes if outcome.effect), None)
    if result is Result.SILENT_WRONG and effect:
        return _unless_told(effect, finding)
    errors = [outcome.max_abs_error for outcome in outcomes if outcome.max_abs_error is not None]
    if result is Result.SILENT_WRONG and errors:
        worst = max(errors, key=lambda error: math.inf if math.isnan(error) else error)
        return f", off by {'up to ' if len(errors) > 1 else ''}{error_size(worst)}"
    reason = next((outcome.error for outcome in outcomes if outcome.error), None)
    return _unless_told(reason, finding) if reason else ""


def _unless_told(reason: str, finding: Finding) -> str:
    return "" if finding.tells(reason) else f": {flat(reason)}"
