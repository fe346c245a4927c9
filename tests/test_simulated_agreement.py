"""A run on a simulated device and one on the CPU say the same about a model, as far as that can be.

Compared is every finding by rule, kind, scenario, file and line.  Not compared are

* severity, consequence and outcomes: without values nothing is proved, only predicted;
* ``host-sync`` (SG402) and ``device-mismatch`` (SG501): a CPU has one device and waits for nothing; a CPU run takes
  every tensor for one on the device, a simulated run knows which ones are;
* scenarios that the simulated run could not judge, because it needed a value that is not there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steadygraph.case.case import opened
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import CaseReport, Kind, Policy, Result

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
POLICIES = (Policy.RECOMPILE, Policy.DROP)
NOT_COMPARED = {Kind.HOST_SYNC, Kind.DEVICE_MISMATCH}
#: The Qwen3-VL models with their structure, narrow and with few layers.
SMALL = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "num_experts": 6,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]},
}
SIZED = """
import sys

sys.path.insert(0, {folder!r})
import {name}

{name}.CONFIG.update((key, value) for key, value in {changes!r}.items() if key in {name}.CONFIG)
{name}.DEVICE = {device!r}
from {name} import *
"""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Modules of the examples are imported anew: a test changes their constants."""
    before, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and Path(file).is_relative_to(EXAMPLES):
            del sys.modules[name]


def analyzed(case_file: Path, device: str) -> CaseReport:
    with opened(str(case_file)) as case:
        return analyze_case(case, Settings(policies=POLICIES, device=device))


def judged(report: CaseReport) -> set[str]:
    """Scenarios with an outcome, proved or predicted."""
    return {s.name for s in report.scenarios if all(o.predicted or o.result is not Result.UNPROVED for o in s.outcomes)}


def structural(report: CaseReport, scenarios: set[str]) -> set[tuple[str, str, str, str, int]]:
    """Findings without what depends on values: rule, kind, scenario, file, line."""
    found = set()
    for finding in report.findings:
        place = finding.location
        line = ("", 0) if place is None else (Path(place.path).name, place.line)
        found.add((finding.rule, str(finding.kind), finding.scenario, *line))
    return {one for one in found if one[2] in scenarios and one[1] not in {str(kind) for kind in NOT_COMPARED}}


@pytest.mark.parametrize(
    "example",
    ["deepstack/v1_broken.py", "deepstack/v3_repaired.py", "qwen3_vl_text.py"],
    ids=lambda name: Path(name).stem,
)
def test_an_example_has_the_same_findings_on_a_simulated_device(example: str) -> None:
    on_cpu, simulated = analyzed(EXAMPLES / example, "cpu"), analyzed(EXAMPLES / example, "cuda")

    assert structural(simulated, judged(simulated)) == structural(on_cpu, judged(simulated))


@pytest.mark.parametrize("name", ["dense_2b", "moe_235b_a22b"])
def test_a_small_qwen3_vl_has_the_same_findings_on_a_simulated_device(name: str, tmp_path: Path) -> None:
    reports = {}
    for device in ("cpu", "cuda"):
        file = tmp_path / f"{name}_{device}.py"
        text = SIZED.format(folder=str(EXAMPLES / "qwen3_vl"), name=name, changes=SMALL, device=device)
        file.write_text(text, encoding="utf-8")
        reports[device] = analyzed(file, device)
        for module in (name, "qwen3_vl_steps"):
            sys.modules.pop(module)

    on_cpu, simulated = reports["cpu"], reports["cuda"]
    assert structural(simulated, judged(simulated)) == structural(on_cpu, judged(simulated))
    assert judged(simulated) >= {"profile", "text", "decode"}
    found = {(rule, scenario) for rule, _, scenario, *_ in structural(on_cpu, judged(on_cpu))}
    assert found == {("SG101", "image"), ("SG401", "image")}
