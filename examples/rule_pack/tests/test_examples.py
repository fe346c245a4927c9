"""Every rule of the pack against its own examples; needs the pack to be installed."""

from __future__ import annotations

from pathlib import Path

import pytest

import steadygraph
from rule_pack import RULES
from steadygraph.rule import Example, Rule

EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.code}: {example.title}")
    for rule in RULES
    for example in (*rule.flagged, *rule.passed)
]
FIXED = [
    pytest.param(rule, fixed, id=f"{rule.code}: {example.title}")
    for rule in RULES
    for example in rule.flagged
    for fixed in example.fixed
]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_rule_reports_the_scenarios_that_its_example_names(rule: Rule, example: Example, tmp_path: Path) -> None:
    case = tmp_path / "case.py"
    case.write_text(example.case, encoding="utf-8")

    report = steadygraph.analyze(case, select=[rule.code])

    assert [(finding.scenario, finding.fix) for finding in report.findings] == [
        (scenario, example.fix) for scenario in example.scenarios
    ]


@pytest.mark.parametrize(("rule", "fixed"), FIXED)
def test_nothing_is_reported_once_the_fix_of_an_example_was_followed(rule: Rule, fixed: str, tmp_path: Path) -> None:
    case = tmp_path / "case.py"
    case.write_text(fixed, encoding="utf-8")

    report = steadygraph.analyze(case)

    assert report.ok(fail_on="warning")
    assert rule.code not in {finding.rule for finding in report.findings}
