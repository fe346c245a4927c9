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


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_rule_reports_the_scenarios_that_its_example_names(rule: Rule, example: Example, tmp_path: Path) -> None:
    case = tmp_path / "case.py"
    case.write_text(example.case, encoding="utf-8")

    report = steadygraph.analyze(case, select=[rule.code])

    assert [finding.scenario for finding in report.findings] == list(example.scenarios)
