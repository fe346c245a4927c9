"""One report of all ranks and replicas of an engine: what was found, where, and where not.

It needs no torch: reports are read where nobody serves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from steadygraph.errors import UsageError
from steadygraph.live.engines import place
from steadygraph.live.engines.place import Place
from steadygraph.model import PROFILE, CaseReport, Finding, ScenarioReport
from steadygraph.model.run import RunReport
from steadygraph.report.json import codec

_REPORT = "report.json"
_RANKS = "ranks"


@dataclass(frozen=True, slots=True)
class _Rank:
    """The report of one process."""

    place: Place
    report: RunReport
    #: How it is told from others.
    name: str

    def of(self, target: str) -> CaseReport | None:
        return next((case for case in self.report.cases if case.target == target), None)


def merged(folder: Path) -> RunReport:
    """The report of all processes that wrote to a directory, one case for each model.

    Raises:
        UsageError: There is no report of a rank in it, or one cannot be read.
    """
    ranks = _read(folder)
    if not ranks:
        hint = f"name a report, or the directory that STEADYGRAPH_WATCH names ({folder}/rank-0.../{_REPORT})"
        raise UsageError(f"{folder} has no report of a rank", hint=hint)
    first = ranks[0].report
    environment = {name: value for name, value in first.environment.items() if name not in ranks[0].place.noted()}
    environment |= {"engine": ranks[0].place.engine, _RANKS: ", ".join(rank.name for rank in ranks)}
    targets = dict.fromkeys(case.target for rank in ranks for case in rank.report.cases if case.regions)
    missing = [*_missing(ranks)]
    cases = [_case(target, ranks, missing) for target in targets]
    if not cases:
        cases = [dataclasses.replace(first.cases[0], notes=(*first.cases[0].notes, *missing))]
    return dataclasses.replace(first, cases=tuple(cases), environment=environment)


def _read(folder: Path) -> list[_Rank]:
    found = [(where, report) for file in sorted(folder.glob(f"*/{_REPORT}")) for where, report in _placed(file)]
    found.sort(key=lambda one: (one[0].run, one[0].replica, one[0].rank))
    several = len({where.run for where, _ in found}) > 1, len({where.replica for where, _ in found}) > 1
    return [_Rank(where, report, _name(where, *several)) for where, report in found]


def _placed(file: Path) -> Iterator[tuple[Place, RunReport]]:
    report = codec.read(file)
    where = place.read(report.environment)
    if where is not None:
        yield where, report


def _name(where: Place, several_runs: bool, several_replicas: bool) -> str:
    more = [f"replica {where.replica}"] * several_replicas + [f"run {where.run}"] * several_runs
    return f"{where.rank} ({', '.join(more)})" if more else str(where.rank)


def _missing(ranks: Sequence[_Rank]) -> Iterator[str]:
    """Ranks that hold a part of a model of which another part has a report."""
    for copy in dict.fromkeys(rank.place.copy for rank in ranks):
        of_copy = [rank for rank in ranks if rank.place.copy == copy]
        there = {rank.place.rank for rank in of_copy}
        for number in sorted(set(range(of_copy[0].place.ranks)) - there):
            named = f"rank {number} of {of_copy[0].place.ranks}"
            yield f"{named} has no report (replica {copy[1]}, run {copy[0]}): it ended early, or wrote elsewhere"


def _case(target: str, ranks: Sequence[_Rank], missing: Iterable[str]) -> CaseReport:
    """What all ranks say of one model: the first that has it speaks, others where they saw something else."""
    having = [(rank, case) for rank in ranks if (case := rank.of(target)) is not None]
    speaker, case = having[0]
    scenarios = [*case.scenarios]
    findings: dict[object, tuple[Finding, list[_Rank]]] = {}
    for rank, own in having:
        for finding in own.findings:
            if _same(finding) not in findings and rank is not speaker:
                finding = _moved(finding, own, rank, scenarios)
            known = findings.setdefault(_same(finding), (finding, []))[1]
            if rank not in known:
                known.append(rank)
    told = tuple(_told(finding, seen, ranks) for finding, seen in findings.values())
    notes = (*case.notes, *missing, *_without(target, ranks), *_differing(having))
    return dataclasses.replace(case, scenarios=tuple(scenarios), findings=told, notes=notes)


def _same(finding: Finding) -> object:
    """Ranks number their scenarios each for itself."""
    line = None if finding.location is None else (finding.location.path, finding.location.line)
    return finding.rule, finding.region, finding.path, finding.profile, finding.serving, line


def _moved(finding: Finding, case: CaseReport, rank: _Rank, scenarios: list[ScenarioReport]) -> Finding:
    """The finding of another rank, with its scenario under a name of its own."""
    name = f"{finding.scenario} on rank {rank.name}"
    found = next((one for one in case.scenarios if one.name == finding.scenario), None)
    if found is not None and name not in [one.name for one in scenarios]:
        scenarios.append(dataclasses.replace(found, name=name))
    return dataclasses.replace(finding, scenario=name)


def _told(finding: Finding, seen: Sequence[_Rank], ranks: Sequence[_Rank]) -> Finding:
    """The finding, which says on which ranks it was seen."""
    absent = [rank for rank in ranks if rank not in seen]
    clause = f"; on {_listed(seen)}" + (f", not on {_listed(absent)}" if absent else "")
    pieces = (*finding.pieces, clause)
    return dataclasses.replace(finding, message="".join(pieces), clauses=pieces)


def _listed(ranks: Sequence[_Rank]) -> str:
    names = [rank.name for rank in ranks]
    if len(names) == 1:
        return f"rank {names[0]}"
    return f"ranks {', '.join(names[:-1])} and {names[-1]}"


def _without(target: str, ranks: Sequence[_Rank]) -> Iterator[str]:
    absent = [rank for rank in ranks if rank.of(target) is None]
    if absent:
        yield f"{_listed(absent)} made no call of `{target}`"


def _differing(having: Sequence[tuple[_Rank, CaseReport]]) -> Iterator[str]:
    """Ranks that compiled something else for the same model."""
    (first, speaker), *others = having
    for rank, case in others:
        if _compiled(case) != _compiled(speaker):
            yield f"{_listed([first])} and {_listed([rank])} compiled other graphs of the profile call"
        told = sum(region.guards for region in speaker.regions), sum(region.guards for region in case.regions)
        if told[0] != told[1]:
            yield f"{_listed([first])} has {told[0]:,} guards, {_listed([rank])} {told[1]:,}"


def _compiled(case: CaseReport) -> list[tuple[str, ...]]:
    return [call.graphs for entry in case.scenarios if entry.name == PROFILE for call in entry.calls]
