"""Sentences about findings: what happens, under which policy, what the graph lacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from steadygraph.model import (
    CompiledBy,
    Consequence,
    Failure,
    Finding,
    GraphChange,
    Kind,
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
_MOST_OPERATORS, _MOST_OUTPUTS, _MOST_SCENARIOS = 4, 2, 4
#: Which parts of what the graph lacks are told: an input by name, so many operators, what only the profile graph has.
_LESS_AND_LESS = (
    (True, _MOST_OPERATORS, True),
    (False, _MOST_OPERATORS, True),
    (True, _MOST_OPERATORS, False),
    (False, _MOST_OPERATORS, False),
    (False, 2, False),
    (False, 1, False),
)


def what_happens(findings: Sequence[Finding], scenarios: Iterable[ScenarioReport]) -> str:
    """``silently wrong under drop, and under recompile in video, off by up to 0.59``.

    An exception is told only where the message does not tell it.

    Args:
        findings: Of one rule, with one consequence: what stands together.
        scenarios: Those in which they were found; their outcomes say under which policy, and each for itself alone.
    """
    first = findings[0]
    if first.consequence not in _RESULTS:
        return str(first.consequence)
    told = [each for each in scenarios if any(finding.scenario == each.name for finding in findings)]
    phrases = [*_raising_in_eager_mode(first, told), *_under_policies(findings, told)]
    return "; ".join(phrases) or _VERBS[_RESULTS[first.consequence][0]]


def what_changed(finding: Finding) -> str:
    """``kwargs['deep']: None at profile, Tensor at serving``; empty where the message says it."""
    if finding.untold is None:
        return ""
    path, profile, serving = finding.untold
    sides = [f"{flat(value)} at {call}" for value, call in ((profile, "profile"), (serving, "serving")) if value]
    return f"{flat(path, 120)}: {', '.join(sides)}" if path else ", ".join(sides)


def compiled(regions: Sequence[Region]) -> str:
    """``decoder: 523 guards, 1 graph``; of several regions their sums, and how many the model compiles itself."""
    sums = (
        (sum(region.guards for region in regions), "guard"),
        (sum(region.graphs for region in regions), "graph"),
        (sum(region.graph_breaks for region in regions), "graph break"),
    )
    counts = ", ".join(counted(number, noun) for number, noun in sums if number or noun != "graph break")
    name = flat(regions[0].name, 80) if len(regions) == 1 else counted(len(regions), "region")
    own = sum(region.compiled_by is CompiledBy.USER for region in regions)
    if own:
        name += " compiled by the model itself" if len(regions) == 1 else f", {own} compiled by the model itself"
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


#: A scenario, and an outcome of it that is told.
_Happened = tuple[str, Outcome]


def _raising_in_eager_mode(first: Finding, scenarios: Sequence[ScenarioReport]) -> Iterator[str]:
    raising = {each.name: str(each.eager_error) for each in scenarios if each.eager_error}
    if first.consequence is Consequence.RAISES and raising:
        yield f"raises, in eager mode too{_where(raising, scenarios)}{_reasons(list(raising.items()), first)}"


def _under_policies(findings: Sequence[Finding], scenarios: Sequence[ScenarioReport]) -> Iterator[str]:
    first = findings[0]
    in_eager_mode = [each.name for each in scenarios if _is_of_eager_mode(first, each)]
    happened = [
        (scenario.name, outcome)
        for scenario in scenarios
        if not (first.consequence is Consequence.RAISES and scenario.eager_error)
        for outcome in scenario.outcomes
        if any(finding.scenario == scenario.name and finding.leads_to(outcome) for finding in findings)
        and (scenario.name not in in_eager_mode or outcome.as_eager)
    ]
    for result in _RESULTS[first.consequence]:
        eager = in_eager_mode if result is Result.SILENT_WRONG else []
        proved = [each for each in happened if each[1].result is result]
        predicted = [each for each in happened if each[1].predicted is result and each[1].result is not result]
        if proved or eager:
            yield f"{_VERBS[result]} {_policies(proved, scenarios, eager)}{_detail(result, proved, first)}"
        if predicted:
            yield f"{_VERBS[result]} {_policies(predicted, scenarios)} (predicted, not proved here)"


def _is_of_eager_mode(finding: Finding, scenario: ScenarioReport) -> bool:
    """Is it about what eager mode gives?  What a policy does besides has another reason."""
    if finding.kind is Kind.STALE_STATE:
        return scenario.leak is not None
    departs = finding.kind is Kind.SERVING_ERROR and scenario.wrong_in_eager is not None
    return departs or finding.kind is Kind.NON_FINITE


def _policies(happened: Iterable[_Happened], scenarios: Sequence[ScenarioReport], eager: Sequence[str] = ()) -> str:
    """``under drop and shapes-only``; a policy under which it does not happen in all scenarios says in which.

    ``eager`` are the scenarios in which it happens in eager mode.
    """
    order = tuple(Policy)
    names: dict[str, list[str]] = {}
    for name, outcome in sorted(happened, key=lambda each: order.index(each[1].policy)):
        names.setdefault(policy_label(outcome), []).append(name)
    together: dict[str, list[str]] = {}
    for label, where in names.items():
        together.setdefault(_where(where, scenarios), []).append(label)
    places = [f"in eager mode{_where(eager, scenarios)}"] if eager else []
    places += [f"under {' and '.join(labels)}{where}" for where, labels in sorted(together.items())]
    return ", and ".join(places)


def _where(names: Iterable[str], scenarios: Sequence[ScenarioReport]) -> str:
    """`` in image and video``; empty if these are all."""
    found = list(dict.fromkeys(names))
    return "" if len(found) == len(scenarios) else f" in {listed(found, _MOST_SCENARIOS, limit=24)}"


def _detail(result: Result, happened: Sequence[_Happened], finding: Finding) -> str:
    if result is Result.RECOMPILES:
        number = _new_compilations(outcome for _, outcome in happened)
        return f" ({counted(number, 'new compilation')})" if number else ""
    effects = [(name, outcome.effect) for name, outcome in happened if outcome.effect]
    if result is Result.SILENT_WRONG and effects:
        return _reasons(effects, finding)
    errors = [outcome.max_abs_error for _, outcome in happened if outcome.max_abs_error is not None]
    if result is Result.SILENT_WRONG and errors:
        worst = max(errors, key=lambda error: math.inf if math.isnan(error) else error)
        return f", off by {'up to ' if len(errors) > 1 else ''}{error_size(worst)}"
    return _reasons([(name, outcome.error) for name, outcome in happened if outcome.error], finding)


def _reasons(reasons: Sequence[tuple[str, str]], finding: Finding) -> str:
    """The first of them, and in which scenario it is so if others have another one."""
    if not reasons:
        return ""
    name, reason = reasons[0]
    told = _unless_told(reason, finding)
    return f"{told} (in {flat(name, 24)})" if told and len({each for _, each in reasons}) > 1 else told


def _new_compilations(outcomes: Iterable[Outcome]) -> int:
    """Under one policy: under another the same frames are compiled, if they are."""
    numbers: dict[Policy, int] = {}
    for outcome in outcomes:
        numbers[outcome.policy] = numbers.get(outcome.policy, 0) + (outcome.recompiles or 0)
    return max(numbers.values(), default=0)


def _unless_told(reason: str, finding: Finding) -> str:
    return "" if finding.tells(reason) else f": {flat(reason)}"
