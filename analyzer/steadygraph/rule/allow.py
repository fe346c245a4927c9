"""Findings that a case accepts: ``ALLOW = {"image": {"SG204": "why"}, "*": {"graph-break": "why"}}``."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from steadygraph.errors import CaseError, UsageError
from steadygraph.errors.near_miss import question_or_list
from steadygraph.model import Finding
from steadygraph.rule.packs import LoadedRules, is_named, matching

#: Stands for all scenarios, and the profile call.
EVERY = "*"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Findings of one rule in one scenario, or in every one, that are accepted for this reason.

    ``rule`` is a code; where the rule is not ``known``, because its pack is not there, the word that the case has.
    """

    scenario: str
    rule: str
    reason: str
    known: bool = True

    def fits(self, finding: Finding) -> bool:
        return finding.rule == self.rule and self.scenario in (finding.scenario, EVERY)


def allowances(
    table: Mapping[str, Mapping[str, str]],
    scenarios: Sequence[str],
    packs: LoadedRules,
    *,
    label: str = "ALLOW",
    may_be_gone: bool = False,
) -> tuple[Allowance, ...]:
    """What a case accepts; what holds for one scenario stands before what holds for all of them.

    Args:
        table: Reasons by scenario (or ``*``) and by code or name of a rule.
        scenarios: All scenarios, the profile call among them.
        packs: All rules.
        label: Begins the sentences of errors: ``ALLOW of case.py``.
        may_be_gone: The table is an old one: a rule that does not exist accepts nothing, and is no error.

    Raises:
        CaseError: There is no such scenario, or no such rule.
    """
    found = []
    for scenario, reasons in table.items():
        if scenario not in (EVERY, *scenarios):
            hint = question_or_list(scenario, (*scenarios, EVERY), "scenarios")
            raise CaseError(f"{label} names a scenario {scenario!r} that the case does not have", hint=hint)
        for word, reason in reasons.items():
            code = _named(word, packs) if may_be_gone else _code(word, packs, label)
            found.append(Allowance(scenario, code or word, reason, known=code is not None))
    return tuple(sorted(found, key=lambda allowance: allowance.scenario == EVERY))


def applied(findings: Iterable[Finding], accepted: Sequence[Allowance]) -> tuple[Finding, ...]:
    """The findings, those that are accepted with the reason."""
    return tuple(_reviewed(finding, accepted) for finding in findings)


def unused(findings: Collection[Finding], accepted: Iterable[Allowance], asked: Collection[str]) -> tuple[str, ...]:
    """A sentence about each allowance that fits no finding.

    Args:
        findings: All findings.
        accepted: All allowances.
        asked: Codes of the rules that were asked and did not fail: nothing is known of what others would find.
    """
    sentences = []
    for one in accepted:
        what = f"ALLOW accepts {one.rule} in {'any scenario' if one.scenario == EVERY else one.scenario}"
        if not one.known:
            sentences.append(f"{what}, and no rule of this name could be loaded")
        elif one.rule in asked and not any(one.fits(finding) for finding in findings):
            sentences.append(f"{what}, and there is no such finding: take it out")
    return tuple(sentences)


def _reviewed(finding: Finding, accepted: Sequence[Allowance]) -> Finding:
    if finding.allowed is not None:  # by the model's own code, for one place
        return finding
    reason = next((one.reason for one in accepted if one.fits(finding)), None)
    return finding if reason is None else dataclasses.replace(finding, allowed=reason)


def _named(word: str, packs: LoadedRules) -> str | None:
    return next((rule.code for rule in packs.rules if is_named(word, rule)), None)


def _code(word: str, packs: LoadedRules, label: str) -> str | None:
    """The code of the rule that a code or a name means; None: it may be one of a pack that is missing."""
    named = _named(word, packs)
    if named is not None or packs.may_lack(word):
        return named
    try:
        found = matching(packs.rules, word)
    except UsageError as error:
        raise CaseError(f"{label} names a rule {word!r} that does not exist", hint=error.hint) from None
    codes = ", ".join(rule.code for rule in found)
    raise CaseError(
        f"{label} names {word!r}, which is no single rule", hint=f"name what is accepted by its code: {codes}"
    )
