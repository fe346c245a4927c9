"""What one test says: does this scenario hold under this deployment?"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from steadygraph.model import (
    CaseReport,
    Consequence,
    Finding,
    LockChange,
    Outcome,
    Policy,
    Result,
    ScenarioReport,
    Severity,
    Status,
)
from steadygraph.model.run import FailOn, loud, open_findings

#: What a result does to users; the others are no reason to fail.
_CONSEQUENCES = {
    Result.SILENT_WRONG: Consequence.SILENT_WRONG,
    Result.RAISES: Consequence.RAISES,
    Result.RECOMPILES: Consequence.RECOMPILES,
    Result.REFUSED: Consequence.RECOMPILES,
}
#: The worst one first.
_RANK = tuple(Consequence).index
#: Consequences that no outcome shows.
_EVERYWHERE = (Consequence.SLOW, Consequence.BENIGN)


@dataclass(frozen=True, slots=True)
class Subject:
    """One scenario under one policy, proved with one back end; what pytest calls a test."""

    scenario: str
    policy: str
    backend: str = "eager"

    @property
    def name(self) -> str:
        """``image[drop]``, ``image[drop-inductor]``."""
        backend = "" if self.backend == "eager" else f"-{self.backend}"
        return f"{self.scenario}[{self.policy}{backend}]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a test fails; it holds if there is no reason."""

    case: CaseReport
    subject: Subject
    findings: tuple[Finding, ...] = ()
    lock_changes: tuple[LockChange, ...] = ()

    @property
    def fails(self) -> bool:
        broken = self.case.status is not Status.COMPLETED or any(each.selected for each in self.case.rule_problems)
        return broken or self.is_missing or bool(self.findings or self.lock_changes)

    @property
    def is_missing(self) -> bool:
        """Was the scenario there when the file was read, and not when it was analysed?"""
        return self.case.status is Status.COMPLETED and self.outcome is None

    @property
    def outcome(self) -> Outcome | None:
        return _outcome(self.case, self.subject)

    @property
    def part(self) -> CaseReport:
        """The part of the report that the test is about."""
        scenarios = tuple(
            _narrowed(one, self.subject) for one in self.case.scenarios if one.name == self.subject.scenario
        )
        return dataclasses.replace(
            self.case, scenarios=scenarios, findings=self.findings, lock_changes=self.lock_changes, notes=()
        )


def unstable(case: CaseReport, fail_on: FailOn, *, policies: Collection[Policy] | None = None) -> tuple[Verdict, ...]:
    """Every scenario and policy that does not hold; the first one stands for a case without a result.

    Args:
        case: The whole case, as the baseline has it.
        fail_on: From which severity on a finding counts.
        policies: Deployments to look at; None: all that were judged.
    """
    if case.status is not Status.COMPLETED:
        return (Verdict(case, Subject("", "")),)
    found = (judged(case, one, fail_on) for one in subjects(case) if policies is None or one.policy in policies)
    return tuple(verdict for verdict in found if verdict.fails)


def subjects(case: CaseReport) -> Iterator[Subject]:
    """All tests of a case, in the order of its scenarios."""
    for scenario in case.scenarios:
        for outcome in scenario.outcomes:
            yield Subject(scenario.name, outcome.policy.value, outcome.backend)


def judged(case: CaseReport, subject: Subject, fail_on: FailOn) -> Verdict:
    """What is wrong with a scenario under a policy.

    A finding concerns the policies whose outcome shows its consequence, and then weighs what that outcome does: a
    wrong result where guards are dropped is a recompilation where they are kept.  One that shows in no outcome (a host
    sync, a graph break) concerns all.  So every finding fails a test, and a case holds if all its tests do.

    Args:
        case: The whole case, as the baseline has it.
        subject: Scenario, policy and back end.
        fail_on: From which severity on a finding counts.
    """
    changes = case.lock_changes if loud(Severity.WARNING, fail_on) else ()
    return Verdict(
        case,
        subject,
        tuple(finding for finding in _weighed(case, subject) if loud(finding.severity, fail_on)),
        tuple(one for one in changes if one.scenario == subject.scenario),
    )


def _weighed(case: CaseReport, subject: Subject) -> Iterator[Finding]:
    """The findings that concern a policy, as loud as they are there."""
    own = _consequence(_outcome(case, subject))
    scenario = [one for one in case.scenarios if one.name == subject.scenario]
    shown = [found for one in scenario for each in one.outcomes if (found := _consequence(each)) is not None]
    for finding in (one for one in open_findings(case) if one.scenario == subject.scenario):
        is_shown = any(loud(each.severity, finding.severity.value) for each in shown)
        if finding.consequence in _EVERYWHERE or not is_shown:
            yield finding  # no outcome shows it, so it concerns them all
        elif own is not None:
            milder = max(own, finding.consequence, key=_RANK)
            yield dataclasses.replace(finding, consequence=milder, severity=milder.severity)


def _consequence(outcome: Outcome | None) -> Consequence | None:
    if outcome is None:
        return None
    unproved = outcome.result is Result.UNPROVED
    return _CONSEQUENCES.get(outcome.predicted if unproved and outcome.predicted else outcome.result)


def _outcome(case: CaseReport, subject: Subject) -> Outcome | None:
    return next(
        (
            outcome
            for one in case.scenarios
            if one.name == subject.scenario
            for outcome in one.outcomes
            if (outcome.policy, outcome.backend) == (subject.policy, subject.backend)
        ),
        None,
    )


def _narrowed(scenario: ScenarioReport, subject: Subject) -> ScenarioReport:
    own = tuple(o for o in scenario.outcomes if (o.policy, o.backend) == (subject.policy, subject.backend))
    return dataclasses.replace(scenario, outcomes=own)
