"""A report that was stored by the first version is read by every later one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steadygraph.model import Kind, Result, Severity, Status
from steadygraph.model.run import RunReport
from steadygraph.report.json.codec import from_json, to_json

#: Never written anew: see tests/data/README.md.
STORED = (Path(__file__).resolve().parent.parent / "data" / "report-v1.json").read_text(encoding="utf-8")


@pytest.fixture
def report() -> RunReport:
    return from_json(STORED)


def missing(old: Any, new: Any, path: str = "") -> list[str]:
    """Places at which the new document lacks something of the old one, or says something else."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [each for key in old for each in missing(old[key], new.get(key, f"no {key}"), f"{path}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [each for number, part in enumerate(old) for each in missing(part, new[number], f"{path}[{number}]")]
    return [] if old == new else [path]


def test_its_cases_are_what_they_were(report: RunReport) -> None:
    assert [(case.target, case.status) for case in report.cases] == [
        ("mask.py", Status.COMPLETED),
        ("accepted.py", Status.COMPLETED),
        ("raising.py", Status.FAILED),
    ]
    assert report.exit_code == 4


def test_its_findings_are_what_they_were(report: RunReport) -> None:
    ours, accepted = report.findings

    assert (ours.rule, ours.kind, ours.severity, ours.scenario) == (
        "SG101",
        Kind.INPUT_STRUCTURE,
        Severity.ERROR,
        "masked",
    )
    assert (ours.location and (ours.location.path, ours.location.line, ours.location.text)) == (
        "mask.py",
        9,
        "if mask is not None:",
    )
    assert (ours.path, ours.profile, ours.serving) == ("mask", "None", "torch.bool[6, 6] on cpu")
    assert (ours.allowed, accepted.allowed) == (None, "the mask is never given")


def test_its_outcomes_are_what_they_were(report: RunReport) -> None:
    results = {
        (scenario, policy): report.outcome(scenario, policy, case="mask.py").result
        for scenario in ("plain", "masked")
        for policy in ("recompile", "drop")
    }

    assert results == {
        ("plain", "recompile"): Result.SAME,
        ("plain", "drop"): Result.SAME,
        ("masked", "recompile"): Result.RECOMPILES,
        ("masked", "drop"): Result.SILENT_WRONG,
    }


def test_nothing_of_it_is_lost_when_it_is_written_again(report: RunReport) -> None:
    assert missing(json.loads(STORED), json.loads(to_json(report))) == []


def test_what_is_lost_would_be_seen() -> None:
    assert missing({"a": [{"b": 1}], "c": 2}, {"a": [{}], "c": 3}) == [".a[0].b", ".c"]
