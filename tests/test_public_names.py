"""What people may import: these names stay where they are, whatever is moved behind them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import steadygraph

PUBLIC = {
    "steadygraph": (
        "Call Case CaseError Finding Kind Outcome Policy Report Result Severity SteadygraphError TargetError "
        "TorchSupportError UsageError __version__ allow_sync analyze check guard_filter no_recompiles watch"
    ),
    "steadygraph.rule": "HEADINGS Example Message Rule clauses spread",
    "steadygraph.model": (
        "GLOBAL PROFILE Accepted Ambient Asks Aspect BreakReason BrokenMark CaseReport Change Checked CompiledBy "
        "CompilerFault Condition Consequence ContainerNode CycleNode DeviceMismatch Difference EVERY_MODULE Evidence "
        "Failure Finding Graph GraphBody GraphBreak GraphChange GraphInput GraphNode GraphOutput Guard Kind Leak "
        "Location LockChange Move NOT_GUARDED Node NodeKind NonFinite NoneNode Observation OpaqueNode Outcome Owner "
        "Policy Probe Probed Problem Reach RecordedCall Recording Refusal Region RegionCall Result RuleProblem "
        "RunRecording ScenarioReport Seen Sensitivity Severity SharedCode SourceExcerpt Status Subject Sync TensorNode "
        "TensorSpec Term Uncompiled ValueNode ViolatedGuard Waived WrongInEager digraph"
    ),
    "steadygraph.accelerator": "Simulation simulated",
    "steadygraph.reference.deepstack": "DeepstackBuffers",
    "steadygraph.reference.evs": (
        "FinalSequence Media Placeholder chunk_positions position_delta prune_video retained_indices"
    ),
    "steadygraph.reference.masking": "merge_rows",
    "steadygraph.reference.moe": "PermuteScratch",
    "steadygraph.testing": "",
    "steadygraph.pytest_plugin": "",
}


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_can_be_imported(module: str) -> None:
    found = importlib.import_module(module)

    assert [name for name in PUBLIC[module].split() if not hasattr(found, name)] == []


def test_no_name_of_the_package_is_left_out_of_the_list() -> None:
    assert sorted(steadygraph.__all__) == sorted(PUBLIC["steadygraph"].split())


@pytest.mark.parametrize("module", ["steadygraph.rule", "steadygraph.model"])
def test_what_a_rule_may_import_is_what_the_list_says(module: str) -> None:
    assert sorted(importlib.import_module(module).__all__) == sorted(PUBLIC[module].split())


def test_the_package_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "steadygraph", "--version"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, f"steadygraph {steadygraph.__version__}\n", "")


def test_the_page_of_the_python_interface_has_every_public_name() -> None:
    page = (Path(__file__).parent.parent / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    shown = {line.split(":: ")[1].rpartition(".")[2] for line in page.splitlines() if line.startswith(".. auto")}

    assert set(steadygraph.__all__) - {"__version__"} - shown == set()
