"""Every case of tests/cases, whose EXPECTED says what stock torch.compile, dropped guards and eager mode do with it.

    flags             scenario -> kinds that must be reported at or above warning; absent or []: none may be
    also              kinds that are true as well, and may be reported anywhere in the case
    silent_scenarios  scenarios that are silently wrong once all guards are dropped, proved or predicted
    lines             scenario -> line of the mismatch of devices: that of every scenario that has one, or of some
    syncs             scenario -> lines at which the host waits for the device
    outcomes          scenario -> policy -> result that must stand there, proved or predicted
    recompiles        compilations of frames that had been compiled before, over all calls; None: not applicable

Where torch itself changed, a case decides by ``torch.__version__`` which labels are true.
The labels were found with torch.compile itself (guards kept; ``skip_all_guards_unsafe`` with both back ends) and by
running calls on fresh models, never with steadygraph.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from steadygraph.engine.judge import judge
from steadygraph.model import PROFILE, CaseReport, Kind, Policy, Recording, Result, RunRecording, Severity
from steadygraph.model.run import RunReport
from steadygraph.report.json import recordings
from steadygraph.report.json.codec import to_json
from steadygraph.rule.packs import load_packs, selection

PACKS = load_packs()
FILES = sorted((Path(__file__).parent / "cases").glob("*.py"))


def expected(file: Path) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location(f"expected_{file.stem}", file)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module.EXPECTED


def analyzed(file: Path) -> tuple[CaseReport, Recording]:
    from steadygraph.case.case import load
    from steadygraph.config import Settings
    from steadygraph.engine.engine import analyzed

    return analyzed(load(str(file)), Settings())


def judged_from_a_file(recording: Recording) -> CaseReport:
    """What is said of the recording once it was written and read."""
    written = recordings.to_json(RunRecording((recording,), environment={}))
    (read,) = recordings.from_json(written).recordings
    return judge(read, PACKS, selection(PACKS))


def as_json(report: CaseReport) -> str:
    return to_json(RunReport((report,), environment={}))


def loud(report: CaseReport) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {scenario.name: set() for scenario in report.scenarios}
    for finding in report.findings:
        if finding.severity is not Severity.NOTE and finding.allowed is None:
            found[finding.scenario].add(finding.kind)
    return found


def missing_and_unexpected(report: CaseReport, wanted: dict[str, Any]) -> list[str]:
    problems = []
    for scenario, kinds in loud(report).items():
        labels = set(wanted["flags"].get(scenario, ()))
        if labels - kinds:
            problems.append(f"{scenario}: {sorted(labels - kinds)} not reported, only {sorted(kinds)}")
        if not labels and kinds - set(wanted.get("also", ())):
            problems.append(f"{scenario}: {sorted(kinds)} reported, nothing expected")
    return problems


def lines(report: CaseReport, kind: Kind) -> set[tuple[str, str | None]]:
    """(scenario, line) of all that is loud, of one kind and has a place."""
    found = (f for f in report.findings if f.kind is kind and f.severity is not Severity.NOTE and f.allowed is None)
    return {(f.scenario, f.location.text) for f in found if f.location}


def shown_as_silently_wrong(report: CaseReport) -> set[str]:
    return {
        scenario.name
        for scenario in report.scenarios
        for outcome in scenario.outcomes
        if outcome.policy is Policy.DROP and Result.SILENT_WRONG in (outcome.result, outcome.predicted)
    } - {PROFILE}


def other_outcomes(report: CaseReport, wanted: dict[str, dict[str, str]]) -> list[str]:
    """What stands in the place of each outcome that is wanted."""
    shown = {
        (scenario.name, str(outcome.policy)): str(outcome.predicted or outcome.result)
        for scenario in report.scenarios
        for outcome in scenario.outcomes
    }
    return [
        f"{name} {shown.get((name, policy))} under {policy}, not {result}"
        for name, results in wanted.items()
        for policy, result in results.items()
        if shown.get((name, policy)) != result
    ]


def is_found_at_its_lines(report: CaseReport, wanted: dict[str, Any]) -> None:
    """Mismatches and waits are where the labels say and nowhere else, and no defect is told as a mere error."""
    mismatches = lines(report, Kind.DEVICE_MISMATCH)
    assert {name for name, _ in mismatches} == {n for n, kinds in wanted["flags"].items() if "device-mismatch" in kinds}
    assert {(name, line) for name, line in mismatches if name in wanted.get("lines", ())} == set(
        wanted.get("lines", {}).items()
    )
    assert lines(report, Kind.HOST_SYNC) == {(n, line) for n, at in wanted.get("syncs", {}).items() for line in at}
    found = loud(report)
    assert {name for name, kinds in found.items() if kinds} == {n for n, kinds in wanted["flags"].items() if kinds}
    assert Kind.SERVING_ERROR not in set().union(*found.values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_case_is_reported_as_torch_itself_shows_it_and_so_is_its_recording(file: Path) -> None:
    wanted = expected(file)

    report, recording = analyzed(file)

    assert missing_and_unexpected(report, wanted) == []
    assert set(wanted.get("silent_scenarios", ())) <= shown_as_silently_wrong(report)
    assert other_outcomes(report, wanted.get("outcomes", {})) == []
    if file.stem.startswith("device_"):
        is_found_at_its_lines(report, wanted)
    if wanted.get("recompiles") is not None:
        counted = [o.recompiles or 0 for s in report.scenarios for o in s.outcomes if o.policy is Policy.RECOMPILE]
        assert sum(counted) == wanted["recompiles"]
    assert as_json(judged_from_a_file(recording)) == as_json(report)
