"""Which graphs ran in a scenario, and the one that is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from steadygraph.errors import UsageError
from steadygraph.errors.near_miss import question_or_list
from steadygraph.model.observation import Graph
from steadygraph.model.report import CaseReport, ScenarioReport

#: How the region that is the whole model is asked for.
_MODEL = "''"


def chosen(case: CaseReport, scenario: ScenarioReport, region: str | None, index: int | None) -> Graph:
    """The graph of this region, of those that ran in the scenario; None chooses where there is one.

    Raises:
        UsageError: There is no such graph, or there are several.
    """
    where = f"in scenario '{scenario.name}' of {case.target}"
    graphs = _ran(case, scenario)
    region = _only(graphs, where) if region is None and graphs else region
    if region not in graphs:
        raise _none(case, region, where)
    ran = graphs[region]
    if index is None and len(ran) > 1:
        raise UsageError(
            f"{len(ran)} graphs of {_named(region)} ran {where}", hint=f"choose one by its index, 0 to {len(ran) - 1}"
        )
    if index is not None and not 0 <= index < len(ran):
        known = f"are 0 to {len(ran) - 1}" if len(ran) > 1 else "is 0"
        raise UsageError(f"no graph {index} of {_named(region)} ran {where}", hint=f"there {known}")
    return ran[index or 0]


def _ran(case: CaseReport, scenario: ScenarioReport) -> dict[str, list[Graph]]:
    """The graphs of each region that ran any, each once."""
    known = {graph.digest: graph for graph in case.graphs}
    found: dict[str, dict[str, Graph]] = {}
    for call in scenario.calls:
        ran = {digest: known[digest] for digest in call.graphs if digest in known}
        found[call.region] = found.get(call.region, {}) | ran
    return {region: list(graphs.values()) for region, graphs in found.items() if graphs}


def _only(regions: Iterable[str], where: str) -> str:
    first, *others = regions
    if others:
        raise UsageError(
            f"graphs of {len(others) + 1} regions ran {where}",
            hint=f"name one: {', '.join(each or _MODEL for each in (first, *others))}",
        )
    return first


def _none(case: CaseReport, region: str | None, where: str) -> UsageError:
    names = [each.name for each in case.regions]
    if region is not None and region not in names:
        hint = question_or_list(region, [name or _MODEL for name in names], "the regions")
        return UsageError(f"{case.target} has no region '{region}'", hint=hint)
    ran = {scenario.name: _ran(case, scenario) for scenario in case.scenarios}
    others = [name for name, graphs in ran.items() if (graphs if region is None else region in graphs)]
    which = "" if region is None else f" of {_named(region)}"
    hint = f"there is one in {', '.join(others)}" if others else "the report's graph breaks and notes tell why"
    return UsageError(f"no graph{which} ran {where}", hint=hint)


def _named(region: str) -> str:
    return f"region '{region}'" if region else f"the model ({_MODEL})"
