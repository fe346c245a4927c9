"""The same check for a marker and for the fixture: does a case hold?"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import cast

import pytest

from steadygraph import config
from steadygraph.case.case import Case
from steadygraph.errors import UsageError
from steadygraph.errors.near_miss import question_or_list
from steadygraph.model import CaseReport, Finding, Policy, Status
from steadygraph.model.run import FAIL_ON, FailOn
from steadygraph.rule.packs import load_packs, matching
from steadygraph.testing import failure_text
from steadygraph.testing.quiet import trace_log_kept_apart
from steadygraph.testing.session import Session
from steadygraph.testing.verdict import Verdict, unstable


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """What has to hold.

    Args:
        case: A case, or a target as the command line takes it; a path is relative to the test's folder, or to the
            root of the session.
        policy: The deployment, or several; None: those of the session.
        allow: Rules whose findings are accepted, by code, code prefix, kind or name.
        fail_on: From which severity on a finding counts; None: as in the session.
    """

    case: Case | str | Path
    policy: str | Iterable[str] | None = None
    allow: Iterable[str] = ()
    fail_on: str | None = None

    def __post_init__(self) -> None:
        for name in ("policy", "allow"):
            _require_words(name, getattr(self, name))
        if not isinstance(self.case, Case | str | Path):
            hint = "give a steadygraph.Case or a target such as 'case.py'"
            raise UsageError(f"cannot analyse {type(self.case).__name__}", hint=hint)
        if self.fail_on is not None and self.fail_on not in FAIL_ON:
            hint = question_or_list(str(self.fail_on), FAIL_ON, "the severities")
            raise UsageError(f"fail_on is {self.fail_on!r}, which is no severity", hint=hint)

    @property
    def policies(self) -> tuple[Policy, ...] | None:
        if self.policy is None:
            return None
        return config.policies([self.policy] if isinstance(self.policy, str) else self.policy)

    @property
    def allowed(self) -> dict[str, frozenset[str]]:
        """The words of ``allow``, and the codes of the rules that each means."""
        rules = load_packs().rules
        words = [self.allow] if isinstance(self.allow, str) else self.allow
        return {word: frozenset(rule.code for rule in matching(rules, word)) for word in words}


def _require_words(name: str, value: object) -> None:
    words = [value] if isinstance(value, str) else value
    if value is None and name == "policy":
        return
    if not isinstance(words, Iterable) or any(not isinstance(word, str) for word in words):
        raise UsageError(f"{name} is {value!r}", hint=f"write one name, or a list of them: {name}=[...]")


def hold(check: Check, item: pytest.Item, session: Session) -> None:
    """Fail the test where the case does not hold."""
    policies, allowed = check.policies, check.allowed
    case = _reviewed(_analyzed(check.case, policies, item, session), allowed, session)
    fail_on = cast(FailOn, check.fail_on) if check.fail_on is not None else session.options.fail_on
    found = unstable(case, fail_on, policies=policies)
    if found:
        pytest.fail(_text(found, session), pytrace=False)


def located(case: str | Path, item: pytest.Item, session: Session) -> str:
    """A target whose file, if it has one, is named by its absolute path."""
    text = str(case)
    path, colon, name = text.partition(".py:") if ".py:" in text else (text, "", "")
    file = f"{path}.py" if colon else path
    if not file.endswith(".py"):
        return text
    candidates = (item.path.parent / file, session.options.root / file)
    found = next((candidate for candidate in candidates if candidate.exists()), Path(file))
    return f"{found}:{name}" if name else str(found)


def _analyzed(
    case: Case | str | Path, policies: tuple[Policy, ...] | None, item: pytest.Item, session: Session
) -> CaseReport:
    name = session.name_for(item)
    if not isinstance(case, Case):
        return session.analyzed(located(case, item, session), name, policies)
    from steadygraph.engine.api import analyze

    keywords = session.options.keywords
    if policies is not None:
        keywords["policies"] = policies
    with trace_log_kept_apart():
        report = analyze(case, **keywords)
    return session.kept(report.cases[0], name)


def _reviewed(case: CaseReport, allowed: Mapping[str, frozenset[str]], session: Session) -> CaseReport:
    """The case as the test and the baseline have it, with a note of each allowance that fits no finding."""
    if case.status is not Status.COMPLETED:
        return case
    found = {finding.rule for finding in case.findings}
    unused = [word for word, codes in allowed.items() if not codes & found]
    accepted = frozenset().union(*allowed.values())
    findings = (_seen_through(finding, accepted) for finding in case.findings)
    notes = (f"allow accepts {word}, and there is no such finding: take it out" for word in unused)
    reviewed = dataclasses.replace(case, findings=tuple(findings), notes=(*case.notes, *notes))
    session.results.replace(reviewed)
    return session.accepted(reviewed)


def _seen_through(finding: Finding, accepted: Collection[str]) -> Finding:
    if finding.allowed is not None or finding.rule not in accepted:
        return finding
    return dataclasses.replace(finding, allowed="the test allows it")


def _text(found: tuple[Verdict, ...], session: Session) -> str:
    """The first one in full, the others by name."""
    first, *others = found
    text = failure_text.text(first, report=session.options.report)
    if not others:
        return text
    names = ", ".join(verdict.subject.name for verdict in others)
    return failure_text.joined([*text.split("\n"), f"so do {names}"], report=session.options.report, last=1)
