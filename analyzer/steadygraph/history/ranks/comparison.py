"""What is not the same between ranks, as a value.

Calls are matched by region and by what they differ in from the first call, not by their names: those of a process that
was watched are numbered as they came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from steadygraph.history.ranks.reports import RankReports
from steadygraph.model import PROFILE, CaseReport, Difference, Location, RegionCall, ScenarioReport, Status
from steadygraph.model.run import RunReport
from steadygraph.report.portable import portable

Kind = Literal["missing", "result", "regions", "structures", "counts", "graphs", "guards", "note"]


@dataclass(frozen=True, slots=True)
class RankDifference:
    """One thing that is not the same in all ranks.

    Args:
        kind: What; a ``note`` is no difference that makes ranks run apart.
        target: Where; empty for all of a report.
        what: The thing, as the subject of a sentence: ``graphs of Block in profile``.
        groups: (what it is, the ranks in which it is so), the most common first.
        line: Where the graphs part, if that can be told.
    """

    kind: Kind
    target: str
    what: str
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    line: Location | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All ranks."""

    ranks: tuple[int, ...]
    missing: tuple[int, ...]
    #: Does anybody say how many there should be?
    is_complete_known: bool
    differences: tuple[RankDifference, ...]
    #: Calls of regions that were held against each other.
    compared: int

    @property
    def is_same(self) -> bool:
        """Are all ranks there, with something to compare, and alike?"""
        parts = any(one.kind != "note" for one in self.differences)
        return not (parts or self.missing) and self.compared > 0


@dataclass(frozen=True, slots=True)
class _Call:
    """A region in one kind of call, in one rank."""

    call: RegionCall
    times: int | None
    graphs: Mapping[str, tuple[Location, ...]]


_Key = tuple[str, tuple[Hashable, ...], int]


def compared(given: RankReports) -> Comparison:
    """What is not the same between ranks."""
    reports = {rank: portable(report).report for rank, report in given.reports.items()}
    found: list[RankDifference] = []
    number = 0
    for target in dict.fromkeys(case.target for report in reports.values() for case in report.cases):
        cases = {rank: _case(report, target) for rank, report in reports.items()}
        found += _results(target, cases)
        calls = {rank: dict(_calls(case)) for rank, case in cases.items() if case and _is_whole(case)}
        keys = list(dict.fromkeys(key for each in calls.values() for key in each))
        number += len(keys) if len(calls) > 1 else 0
        found += [one for key in keys for one in _of_key(target, key, {r: c.get(key) for r, c in calls.items()})]
    return Comparison(tuple(reports), given.missing, given.world_size is not None, tuple(found), number)


def _case(report: RunReport, target: str) -> CaseReport | None:
    return next((case for case in report.cases if case.target == target), None)


def _is_whole(case: CaseReport) -> bool:
    return case.status is Status.COMPLETED


def _results(target: str, cases: Mapping[int, CaseReport | None]) -> Iterator[RankDifference]:
    states = {rank: "no such target" if case is None else case.status.value for rank, case in cases.items()}
    if set(states.values()) != {Status.COMPLETED.value}:
        yield RankDifference("result", target, "the result", _grouped(states))
        return
    regions = {
        rank: ", ".join(sorted(region.name or "the model" for region in case.regions)) or "none"
        for rank, case in cases.items()
        if case is not None
    }
    if len(set(regions.values())) > 1:
        yield RankDifference("regions", target, "what is compiled", _grouped(regions))


def _calls(case: CaseReport) -> Iterator[tuple[_Key, _Call]]:
    """Those of a region in one kind of call have a number each, in the order in which they ended."""
    graphs = {graph.digest: graph.lines for graph in case.graphs}
    numbers: dict[tuple[str, tuple[Hashable, ...]], int] = defaultdict(int)
    for scenario in case.scenarios:
        for call in scenario.calls:
            kind = call.region, _kind(scenario)
            times = None if scenario.seen is None else scenario.seen.calls
            yield (*kind, numbers[kind]), _Call(call, times, graphs)
            numbers[kind] += 1


def _kind(scenario: ScenarioReport) -> tuple[Hashable, ...]:
    """What tells a kind of call from another one, whatever it is called."""
    if scenario.name == PROFILE or scenario.seen is None:
        return (scenario.name,)
    return tuple(scenario.differences)


def _of_key(target: str, key: _Key, calls: Mapping[int, _Call | None]) -> Iterator[RankDifference]:
    what = _shown(key)
    there = {rank: call for rank, call in calls.items() if call is not None}
    if len(there) < len(calls):
        states = {rank: "no such call" if call is None else _times(call) for rank, call in calls.items()}
        yield RankDifference("structures", target, what, _grouped(states))
    if len(there) < 2:
        return
    yield from _counts(target, what, there)
    graphs = {rank: call.call.graphs for rank, call in there.items()}
    if len(set(graphs.values())) > 1:
        yield RankDifference("graphs", target, f"graphs of {what}", _numbered(graphs), _parting(there))
    guards = {rank: call.call.guards for rank, call in there.items()}
    types = {rank: dict(call.call.guard_types) for rank, call in there.items()}
    if len({tuple(each.items()) for each in types.values()}) > 1:
        yield RankDifference("guards", target, f"guards of {what}", _grouped(_of_types(types)))
    elif len(set(guards.values())) > 1:
        yield RankDifference("note", target, f"guards of {what}", _numbered(guards))


def _counts(target: str, what: str, there: Mapping[int, _Call]) -> Iterator[RankDifference]:
    times = {rank: _times(call) for rank, call in there.items()}
    if len(set(times.values())) > 1:
        yield RankDifference("counts", target, what, _grouped(times))


def _times(call: _Call) -> str:
    if call.times is None:
        return "a call"
    return "1 call" if call.times == 1 else f"{call.times:,} calls"


def _shown(key: _Key) -> str:
    region, kind, number = key
    again = f", frame {number + 1}" if number else ""
    differences = [one for one in kind if isinstance(one, Difference)]
    if differences:
        told = "; ".join(f"{one.path} {one.serving}" for one in differences[:3])
        more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
        return f"{region or 'the model'} in calls with {told}{more}{again}"
    name = ", ".join(map(str, kind)) or "calls as the first one"
    return f"{region or 'the model'} in {name}{again}"


def _of_types(types: Mapping[int, Mapping[str, int]]) -> dict[int, str]:
    """Only the numbers that are not the same everywhere."""
    names = sorted({name for each in types.values() for name in each})
    apart = [name for name in names if len({each.get(name, 0) for each in types.values()}) > 1]
    return {rank: ", ".join(f"{name} {each.get(name, 0)}" for name in apart) for rank, each in types.items()}


def _parting(there: Mapping[int, _Call]) -> Location | None:
    """The first line that one of two ranks has traced and the other one has not."""
    one, *others = there.values()
    for other in others:
        ours, theirs = _lines(one), _lines(other)
        known, seen = ({(each.path, each.line) for each in lines} for lines in (ours, theirs))
        apart = [each for each in ours if (each.path, each.line) not in seen]
        apart += [each for each in theirs if (each.path, each.line) not in known]
        if apart:
            return apart[0]
    return None


def _lines(call: _Call) -> list[Location]:
    return [line for digest in call.call.graphs for line in call.graphs.get(digest, ())]


def _grouped(values: Mapping[int, str]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    groups: dict[str, list[int]] = defaultdict(list)
    for rank, value in values.items():
        groups[value].append(rank)
    return tuple(sorted(((value, tuple(r)) for value, r in groups.items()), key=lambda pair: (-len(pair[1]), pair[1])))


def _numbered(values: Mapping[int, Hashable]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Values that mean nothing to a reader: ``A``, ``B``."""
    names = _letters(values.values())
    return _grouped({rank: names[value] for rank, value in values.items()})


def _letters(values: Iterable[Hashable]) -> dict[Hashable, str]:
    return {value: f"{number}" for number, value in enumerate(dict.fromkeys(values), 1)}
