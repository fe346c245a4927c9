"""From evidence to findings: asks the rules, keeps one finding per defect, orders by consequence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from steadygraph.model import Consequence, Evidence, Finding
from steadygraph.rule import Rule, spread

_RANK = {consequence: rank for rank, consequence in enumerate(Consequence)}
_NUMBERED = re.compile(r"\.(\d+)(?=\.|$)")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say about one scenario.

    Args:
        findings: One per defect, worst first.
        failed: Rules that raised, by code, with one sentence about it.
    """

    findings: tuple[Finding, ...]
    failed: tuple[tuple[str, str], ...] = ()


def findings(evidence: Evidence, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """The findings of ``judge``."""
    return judge(evidence, rules).findings


def judge(evidence: Evidence, rules: Iterable[Rule]) -> Judgement:
    """Ask every rule about one scenario; a rule that raises is named and does not stop the others."""
    made: list[Finding] = []
    failed: list[tuple[str, str]] = []
    for rule in sorted(rules, key=lambda rule: (rule.fallback, rule.code)):
        try:
            found = list(rule.check(evidence))
        except Exception as error:
            failed.append(
                (rule.code, f"rule {rule.code} failed on {evidence.scenario}: {type(error).__name__}: {error}")
            )
            continue
        made += [one for one in found if not (rule.fallback and _explained(one, made))]
    return Judgement(tuple(sorted(_merged(made), key=_order)), tuple(failed))


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
        merged.append(worst if regions < 2 else replace(worst, message=spread(worst.message, regions)))
    return merged


def _path_in_region(finding: Finding) -> str:
    """The path as the region would write it: without the region's name in front (``layers.3``, ``layers[3]``)."""
    for name in {finding.region, _NUMBERED.sub(r"[\1]", finding.region)} - {""}:
        for prefix in (name, f"self.{name}"):
            rest = finding.path.removeprefix(prefix)
            if rest != finding.path and rest[:1] in ("", ".", "["):
                return f"self{rest}"
    return finding.path
