"""What became of one target of a sweep, in a few hundred bytes: its report has the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

from steadygraph.errors import LeftOutError
from steadygraph.history.changes.changes import RANK
from steadygraph.model import CaseReport, Outcome, Problem, Result, Severity, Status
from steadygraph.model.run import EXIT_FINDINGS, EXIT_INTERNAL, EXIT_OK, FailOn, RunReport, loud, open_findings


@dataclass(frozen=True, slots=True)
class Entry:
    """One target.

    Args:
        target: As reports call it.
        report: The name of the file with its report.
        digest: Of that file, SHA-256.
        status: Whether there is a result.
        problem: Why there is none.
        exit_code: That of this target alone, findings left out: 0, 2, 3 or 4.
        errors, warnings, notes: How many findings it has that the case does not accept.
        rules: How many of them each rule has.
        outcomes: The worst result under each policy.
        seconds: How long it took.
        peak_bytes: The most that one of its processes had in memory; None: not known.
        environment: What it was made with: versions and platform.
    """

    target: str
    report: str
    digest: str
    status: Status
    problem: Problem | None
    exit_code: int
    errors: int
    warnings: int
    notes: int
    rules: dict[str, int]
    outcomes: dict[str, str]
    seconds: float
    peak_bytes: int | None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def is_left_out(self) -> bool:
        """Does the target itself say that there is nothing to analyse?"""
        return self.problem is not None and self.problem.type == LeftOutError.__name__

    @property
    def is_analysed(self) -> bool:
        return self.status is Status.COMPLETED

    def code(self, fail_on: FailOn) -> int:
        """The exit code of this target alone."""
        if self.is_left_out:
            return EXIT_OK
        counts = {Severity.ERROR: self.errors, Severity.WARNING: self.warnings, Severity.NOTE: self.notes}
        found = any(counts[severity] and loud(severity, fail_on) for severity in counts)
        return self.exit_code or (EXIT_FINDINGS if found else EXIT_OK)


def entry(
    report: CaseReport, *, file: str, digest: str, peak_bytes: int | None, environment: Mapping[str, str]
) -> Entry:
    """What is kept of a report, whose texts hold nothing that belongs to one machine."""
    findings = open_findings(report)
    severities = Counter(finding.severity for finding in findings)
    return Entry(
        target=report.target,
        report=file,
        digest=digest,
        status=report.status,
        problem=report.error,
        exit_code=RunReport((report,), fail_on="never").exit_code,
        errors=severities[Severity.ERROR],
        warnings=severities[Severity.WARNING],
        notes=severities[Severity.NOTE],
        rules=dict(sorted(Counter(finding.rule for finding in findings).items())),
        outcomes=_worst(outcome for scenario in report.scenarios for outcome in scenario.outcomes),
        seconds=report.duration_s,
        peak_bytes=peak_bytes,
        environment=dict(environment),
    )


def exit_code(entries: Iterable[Entry], fail_on: str, *, missing: int = 0) -> int:
    """That of a sweep, by the most serious of its targets; one without any result counts as one that failed."""
    codes = {each.code(cast(FailOn, fail_on)) for each in entries} | ({4} if missing else set())
    return next((code for code in (EXIT_INTERNAL, 2, 4, EXIT_FINDINGS) if code in codes), EXIT_OK)


def _worst(outcomes: Iterable[Outcome]) -> dict[str, str]:
    found: dict[str, Result] = {}
    for outcome in outcomes:
        result = (outcome.predicted if outcome.result is Result.UNPROVED else None) or outcome.result
        known = found.get(outcome.policy.value, RANK[0])
        found[outcome.policy.value] = max(known, result, key=RANK.index)
    return {policy: result.value for policy, result in found.items()}
