"""From evidence to findings: asks the rules, keeps one finding per defect, orders by consequence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from steadygraph.model import PROFILE, Consequence, Evidence, Finding, RuleProblem
from steadygraph.redaction.text import redacted
from steadygraph.rule import Rule, spread
from steadygraph.rule.foreign import ForeignError
from steadygraph.rule.rule import BUILT_IN

_RANK = {consequence: rank for rank, consequence in enumerate(Consequence)}
_NUMBERED = re.compile(r"\.(\d+)(?=\.|$)")
_SCENARIOS_NAMED = 3


@dataclass(frozen=True, slots=True)
class RuleFailure:
    """A rule that raised: its code, the scenario that it was asked about, and what it raised."""

    rule: str
    scenario: str
    error: str
    #: Is it part of steadygraph, so that its findings are missed whether it was asked for or not?
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say.

    Args:
        findings: One per defect and scenario, worst first.
        failed: Rules that raised.
    """

    findings: tuple[Finding, ...]
    failed: tuple[RuleFailure, ...] = ()


def judge_all(scenarios: Iterable[Evidence], rules: Iterable[Rule]) -> Judgement:
    """Ask every rule about every scenario: the worst first, what is equally bad in the order of the scenarios.

    Of what is equally bad, what the profile call has as well comes last: it is no news.
    """
    rules = tuple(rules)
    each = [judge(evidence, rules) for evidence in scenarios]
    found = [finding for one in each for finding in one.findings]
    known = {(finding.rule, finding.path) for finding in found if finding.scenario == PROFILE}
    return Judgement(
        tuple(sorted(found, key=lambda one: (_RANK[one.consequence], (one.rule, one.path) in known))),
        tuple(failure for one in each for failure in one.failed),
    )


def judge(evidence: Evidence, rules: Iterable[Rule]) -> Judgement:
    """Ask every rule about one scenario; a rule that raises is named and does not stop the others."""
    made: list[Finding] = []
    failed: list[RuleFailure] = []
    for rule in sorted(rules, key=lambda rule: (rule.fallback, rule.code)):
        try:
            found = list(_checked(rule.check(evidence)))
        except (Exception, SystemExit) as error:  # whatever a rule raises, the others still count
            built_in = type(rule).__module__.partition(".")[0] == BUILT_IN
            failed.append(RuleFailure(rule.code, evidence.scenario, _told(error), built_in))
            continue
        made += [one for one in found if not (rule.fallback and _explained(one, made))]
    return Judgement(tuple(sorted(_merged(made), key=_order)), tuple(failed))


def problems(failed: Iterable[RuleFailure], *, selected: bool) -> tuple[RuleProblem, ...]:
    """One sentence per rule and error, however many scenarios it failed on.

    Args:
        failed: Rules that raised.
        selected: Were the rules of this analysis chosen by the user?  Then one that fails is an error; a built-in one
            is in any case.
    """
    same: dict[tuple[str, str, bool], list[str]] = {}
    for failure in failed:
        same.setdefault((failure.rule, failure.error, failure.built_in), []).append(failure.scenario)
    return tuple(
        RuleProblem(rule, f"rule {rule} failed on {_listed(scenarios)}: {error}", selected or built_in)
        for (rule, error, built_in), scenarios in same.items()
    )


def _told(error: BaseException) -> str:
    said = redacted(str(error))
    return said if isinstance(error, ForeignError) else f"{type(error).__name__}: {said}"


def _listed(scenarios: Sequence[str]) -> str:
    left = len(scenarios) - _SCENARIOS_NAMED
    return ", ".join(scenarios[:_SCENARIOS_NAMED]) + (f" and {left} more" if left > 0 else "")


def _checked(made: Iterable[Finding]) -> Iterator[Finding]:
    for one in made:
        if not isinstance(one, Finding):
            raise TypeError(f"check() yielded {type(one).__name__}, not Finding")
        yield one


def _explained(finding: Finding, others: Sequence[Finding]) -> bool:
    return any(_RANK[other.consequence] <= _RANK[finding.consequence] for other in others)


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return _RANK[finding.consequence], finding.rule, finding.path, finding.region


def _merged(made: Sequence[Finding]) -> list[Finding]:
    """One finding where several regions have the same defect: the worst, and of equals the first."""
    same: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in made:
        same.setdefault((finding.rule, finding.scenario, _path_in_region(finding)), []).append(finding)
    merged = []
    for group in same.values():
        worst = min(group, key=lambda finding: _RANK[finding.consequence])
        regions = len({finding.region for finding in group})
        if regions > 1:
            paths = dict.fromkeys(path for finding in group for path in (finding.path, *finding.also))
            also = tuple(path for path in paths if path != worst.path)
            said = spread(worst.pieces, regions)
            worst = replace(worst, message="".join(said), clauses=said[1:] and said, also=also)
        merged.append(worst)
    return merged


def _path_in_region(finding: Finding) -> str:
    """The path as the region would write it: without the region's name in front (``layers.3``, ``layers[3]``)."""
    for name in {finding.region, _NUMBERED.sub(r"[\1]", finding.region)} - {""}:
        for prefix in (name, f"self.{name}"):
            rest = finding.path.removeprefix(prefix)
            if rest != finding.path and rest[:1] in ("", ".", "["):
                return f"self{rest}"
    return finding.path
