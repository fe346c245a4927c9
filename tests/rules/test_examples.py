"""Every rule, present and future, against its own examples, through the whole analysis.

Those in which it reports are in ``test_fixes.py``: before their fix was followed, and afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadygraph.model import Severity
from steadygraph.rule import Example, Rule
from steadygraph.rule.packs import load_rules

RULES = load_rules()


def examples(kind: str) -> list[Any]:
    return [
        pytest.param(rule, example, id=f"{rule.code}: {example.title}")
        for rule in RULES
        for example in getattr(rule, kind)
    ]


def loud(file: Path) -> list[tuple[str, str]]:
    """(scenario, code) of every finding that is more than a note."""
    from steadygraph.case.case import load
    from steadygraph.config import Settings
    from steadygraph.engine.engine import analyze_case

    report = analyze_case(load(str(file)), Settings())
    return sorted((f.scenario, f.rule) for f in report.findings if f.severity is not Severity.NOTE)


@pytest.mark.parametrize(("rule", "example"), examples("passed"))
def test_a_rule_is_silent_about_its_passed_examples(
    rule: Rule, example: Example, write_case: Callable[..., Path]
) -> None:
    found = loud(write_case(example.case))

    assert [entry for entry in found if entry[1] == rule.code] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_has_examples(rule: Rule) -> None:
    # Nothing is known that a fallback must flag: otherwise there would be a rule for it.
    fallback = rule.fallback or rule.name == "unclassified-guard"
    is_note = rule.name == "wrong-since-earlier-call"

    assert rule.passed
    assert fallback or is_note or rule.flagged
    assert all(example.scenarios and example.fix for example in rule.flagged)
    assert not any(example.scenarios for example in rule.passed)
