"""A report seen through a baseline, and a baseline brought up to date with a report."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from steadygraph.errors import UsageError
from steadygraph.history.baseline import lock
from steadygraph.history.baseline.accepted import Accepted, Baseline, CaseBaseline, Made
from steadygraph.model import CaseReport, Finding, Status
from steadygraph.model.run import IN_BASELINE, RunReport
from steadygraph.report.portable import portable

#: How many of the findings that are gone are named.
_NAMED = 3


def applied(baseline: Baseline, report: RunReport, *, all_rules: bool = True) -> RunReport:
    """The report in which what the baseline knows is accepted, and which says what no longer occurs.

    Args:
        baseline: What is accepted.
        report: Any report; its targets are compared as they would be written into a report file.
        all_rules: Did all rules run?  Otherwise nothing is known of findings that are missing.

    Raises:
        UsageError: The baseline is about other targets altogether.
    """
    targets = [case.target for case in portable(report).report.cases]
    if targets and baseline.cases and not set(targets) & set(baseline.cases):
        raise UsageError(
            f"the baseline is about {_some(sorted(baseline.cases))}, and {_some(targets)} was analysed",
            hint="run in the directory in which the baseline was made, or add the targets with --update-baseline",
        )
    known = (baseline.cases.get(target, CaseBaseline()) for target in targets)
    pairs = zip(known, report.cases, strict=True)
    return dataclasses.replace(
        report, cases=tuple(_reviewed(known, case, report, all_rules) if known else case for known, case in pairs)
    )


def updated(baseline: Baseline, report: RunReport, *, lock_too: bool | None = None, all_rules: bool = True) -> Baseline:
    """The baseline that accepts what the report holds.

    Targets that were not analysed, or without a result, keep what was accepted of them; so do rules that did not run.

    Args:
        baseline: What was accepted before.
        report: A report to which no baseline was applied.
        lock_too: Write the digests of guards and graphs; None: for the cases that have them already.
        all_rules: Did all rules run?
    """
    cases = dict(baseline.cases)
    for case in portable(report).report.cases:
        if case.status is not Status.COMPLETED:
            continue
        before = cases.get(case.target, CaseBaseline())
        locks = before.lock is not None if lock_too is None else lock_too
        cases[case.target] = CaseBaseline(
            made=_made(case, report),
            findings=tuple(sorted(_accepted(case, before, all_rules))),
            lock=lock.locked(case) if locks else None,
        )
    return Baseline(cases)


def _accepted(case: CaseReport, before: CaseBaseline, all_rules: bool) -> Iterator[Accepted]:
    # What the case accepts itself needs no baseline.
    found = [Accepted.of(finding) for finding in case.findings if finding.allowed is None]
    yield from found
    if not all_rules:
        seen = {one.fingerprint for one in found}
        yield from (one for one in before.findings if one.fingerprint not in seen)


def _reviewed(known: CaseBaseline, case: CaseReport, report: RunReport, all_rules: bool) -> CaseReport:
    if case.status is not Status.COMPLETED:
        return case
    made = _made(case, report)
    left = Counter(one.fingerprint for one in known.findings)
    findings = tuple(_seen_through(left, case.findings))
    comparable = all_rules and (made.policies, made.backends) == (known.made.policies, known.made.backends)
    gone = [one for one in known.findings if left[one.fingerprint] > 0] if comparable else []
    return dataclasses.replace(
        case,
        findings=findings,
        notes=(*case.notes, *_gone(gone)),
        lock_changes=lock.changes(known, case, made),
    )


def _seen_through(left: Counter[str], findings: Sequence[Finding]) -> Iterator[Finding]:
    """Accept each finding that is still ``left`` in the baseline: a second one of the same kind is new."""
    for finding in findings:
        if finding.allowed is None and left[finding.fingerprint] > 0:
            finding = dataclasses.replace(finding, allowed=IN_BASELINE)
            left[finding.fingerprint] -= 1
        yield finding


def _gone(findings: Sequence[Accepted]) -> Iterator[str]:
    if findings:
        number = len(findings)
        what = (
            "1 accepted finding no longer occurs: remove it"
            if number == 1
            else (f"{number} accepted findings no longer occur: remove them")
        )
        yield f"{what} with --update-baseline ({_some([str(one) for one in findings])})"


def _made(case: CaseReport, report: RunReport) -> Made:
    judged = [outcome for scenario in case.scenarios for outcome in scenario.outcomes]
    environment: Mapping[str, str] = report.environment
    return Made(
        steadygraph=report.tool_version,
        torch=environment.get("torch", ""),
        python=environment.get("python", ""),
        policies=tuple(sorted({outcome.policy.value for outcome in judged})),
        backends=tuple(sorted({outcome.backend for outcome in judged})),
    )


def _some(names: Collection[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
