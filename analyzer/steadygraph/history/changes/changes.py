"""What changed between two reports, as a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from steadygraph.history.baseline import lock
from steadygraph.history.baseline.accepted import CaseBaseline, Made
from steadygraph.model import CaseReport, Finding, Outcome, Policy, Result, ScenarioReport, Severity, Status
from steadygraph.model.run import RunReport, open_findings
from steadygraph.report.portable import portable

#: Best first.  What could not be proved counts by what is predicted.
RANK = (Result.SAME, Result.UNPROVED, Result.RECOMPILES, Result.REFUSED, Result.RAISES, Result.SILENT_WRONG)


@dataclass(frozen=True, slots=True)
class OutcomeChange:
    """Another result of one scenario under one policy."""

    scenario: str
    policy: Policy
    backend: str
    old: Outcome
    new: Outcome

    @property
    def is_worse(self) -> bool:
        return _badness(self.new) > _badness(self.old)


@dataclass(frozen=True, slots=True)
class CaseChanges:
    """One target.  ``old_status`` or ``new_status`` is None where only the other report has it."""

    target: str
    old_status: Status | None
    new_status: Status | None
    #: Open findings that only the newer, and only the older report has.
    new: tuple[Finding, ...] = ()
    gone: tuple[Finding, ...] = ()
    unchanged: int = 0
    outcomes: tuple[OutcomeChange, ...] = ()
    #: One sentence for each call whose graphs or guards are others.
    graphs: tuple[str, ...] = ()
    old_duration_s: float = 0.0
    new_duration_s: float = 0.0

    def is_worse(self, fail_on: Severity = Severity.WARNING) -> bool:
        """Is there a new finding of this severity, a worse outcome, or no result where there was one?"""
        loud = tuple(Severity)[: tuple(Severity).index(fail_on) + 1]
        lost = self.old_status is Status.COMPLETED and self.new_status not in (Status.COMPLETED, None)
        worse = any(change.is_worse for change in self.outcomes)
        return lost or worse or any(finding.severity in loud for finding in self.new)

    @property
    def is_without_result(self) -> bool:
        """Does neither report have one, though both have the case?  Then nothing is compared."""
        return not {self.old_status, self.new_status} & {Status.COMPLETED, None}

    @property
    def is_same(self) -> bool:
        changed = self.new or self.gone or self.outcomes or self.graphs or self.is_without_result
        return not changed and self.old_status == self.new_status


@dataclass(frozen=True, slots=True)
class Changes:
    """From one report to another.

    Args:
        cases: Those of both, or of many only those that changed.
        versions: (name, old, new) of what is another in their environments.
        same: Further cases, in which nothing changed.
    """

    cases: tuple[CaseChanges, ...]
    versions: tuple[tuple[str, str, str], ...] = ()
    same: int = 0

    def is_worse(self, fail_on: Severity = Severity.WARNING) -> bool:
        return any(case.is_worse(fail_on) for case in self.cases)


def changes_between(old: RunReport, new: RunReport) -> Changes:
    """What changed from one report to another; targets are matched by name, findings by fingerprint."""
    old, new = portable(old).report, portable(new).report
    older, newer = ({case.target: case for case in report.cases} for report in (old, new))
    return Changes(
        cases=tuple(
            _case(target, older.get(target), newer.get(target), _made(old), _made(new))
            for target in dict.fromkeys((*older, *newer))
        ),
        versions=tuple(_versions(old.environment, new.environment)),
    )


def _case(target: str, old: CaseReport | None, new: CaseReport | None, old_made: Made, new_made: Made) -> CaseChanges:
    if old is None or new is None:
        only = new or old
        found = () if only is None else open_findings(only)
        return CaseChanges(
            target,
            None if old is None else old.status,
            None if new is None else new.status,
            new=found if old is None else (),
            gone=found if new is None else (),
            old_duration_s=0.0 if old is None else old.duration_s,
            new_duration_s=0.0 if new is None else new.duration_s,
        )
    old_findings, new_findings = open_findings(old), open_findings(new)
    known, seen = (Counter(one.fingerprint for one in found) for found in (old_findings, new_findings))
    # Of a target without a result nothing can be said to be gone.
    both = old.status is new.status is Status.COMPLETED
    return CaseChanges(
        target,
        old.status,
        new.status,
        new=tuple(_beyond(known, new_findings)) if both else (),
        gone=tuple(_beyond(seen, old_findings)) if both else (),
        unchanged=(known & seen).total(),
        outcomes=tuple(_outcome_changes(old.scenarios, new.scenarios)),
        graphs=tuple(_graph_changes(old, new, old_made, new_made)) if both else (),
        old_duration_s=old.duration_s,
        new_duration_s=new.duration_s,
    )


def _beyond(known: Counter[str], findings: Iterable[Finding]) -> Iterator[Finding]:
    left = Counter(known)
    for finding in findings:
        if left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
        else:
            yield finding


def _outcome_changes(old: Iterable[ScenarioReport], new: Iterable[ScenarioReport]) -> Iterator[OutcomeChange]:
    known = {(one.name, o.policy, o.backend): o for one in old for o in one.outcomes}
    for scenario in new:
        for outcome in scenario.outcomes:
            older = known.get((scenario.name, outcome.policy, outcome.backend))
            if older is not None and _badness(older) != _badness(outcome):
                yield OutcomeChange(scenario.name, outcome.policy, outcome.backend, older, outcome)


def _badness(outcome: Outcome) -> tuple[int, int]:
    result = outcome.predicted if outcome.result is Result.UNPROVED and outcome.predicted else outcome.result
    return RANK.index(result), outcome.recompiles or 0


def _graph_changes(old: CaseReport, new: CaseReport, old_made: Made, new_made: Made) -> Iterator[str]:
    locked = CaseBaseline(old_made, (), lock.locked(old))
    yield from (change.message for change in lock.changes(locked, new, new_made))


def _made(report: RunReport) -> Made:
    return Made(torch=report.environment.get("torch", ""))


def _versions(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys((*old, *new)):
        older, newer = old.get(name, "unknown"), new.get(name, "unknown")
        if older != newer:
            yield name, older, newer
