"""A simulated run and a run with values, of the same model: what they find about its structure is the same.

Compared is every finding by rule, kind, scenario, file and line.  Not compared are

* ``host-sync`` (SG402) and ``device-mismatch`` (SG501): a CPU has one device and waits for nothing; a CPU run takes
  every tensor for one on the device, a simulated run knows which ones are;
* scenarios that the simulated run could not judge, because it needed a value that is not there;
* severity, consequence and outcomes of a model that the two runs prove differently much of.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steadygraph.case.case import Case, load, opened
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import CaseReport, Kind, Policy, Result, Severity

from ..conftest import Demo

TWO = (Policy.RECOMPILE, Policy.DROP)
NOT_COMPARED = {Kind.HOST_SYNC, Kind.DEVICE_MISMATCH}
EXAMPLES = Path(__file__).parent.parent.parent / "examples"
CASES = Path(__file__).parent.parent / "cases"
#: Cases that keep to a device what they measure there, and say so in the constant DEVICE.
ON_DEVICE = (
    "retention_mask_on_device",
    "rows_merged_on_device",
    "expert_loop_on_device",
    "control_inputs_read_on_device",
)

Found = set[tuple[str, str, str, str, int]]


def found(report: CaseReport) -> Found:
    """(scenario, rule, path, severity, line) of all that is more than a note."""
    return {
        (f.scenario, f.rule, f.path, f.severity, f.location.line if f.location else 0)
        for f in report.findings
        if f.severity is not Severity.NOTE
    }


def results(report: CaseReport) -> dict[tuple[str, Policy], Result | None]:
    """What happens under each policy: proved, or predicted."""
    return {(s.name, o.policy): o.predicted or o.result for s in report.scenarios for o in s.outcomes}


def judged(report: CaseReport) -> set[str]:
    """Scenarios with an outcome, proved or predicted."""
    return {s.name for s in report.scenarios if all(o.predicted or o.result is not Result.UNPROVED for o in s.outcomes)}


def structural(report: CaseReport, scenarios: set[str]) -> set[tuple[str, Kind, str, str, int]]:
    """Findings, notes too, without what depends on values: rule, kind, scenario, file, line."""
    compared = (f for f in report.findings if f.scenario in scenarios and f.kind not in NOT_COMPARED)
    return {
        (f.rule, f.kind, f.scenario, *((Path(f.location.path).name, f.location.line) if f.location else ("", 0)))
        for f in compared
    }


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Modules of the examples are imported anew: others have their names, and a test changes their constants."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(EXAMPLES):
            del sys.modules[name]


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("file", ["deepstack/v1_broken.py", "deepstack/v3_repaired.py", "qwen3_vl_text.py"])
def test_an_example_is_judged_alike(file: str, demo: Demo) -> None:
    cpu = demo.case(Path(file).name)

    with opened(str(EXAMPLES / file)) as case:
        cuda = analyze_case(case, Settings(device="cuda"))

    assert found(cuda) == found(cpu)
    assert structural(cuda, judged(cuda)) == structural(cpu, judged(cuda))
    told = {outcome: result for outcome, result in results(cuda).items() if outcome[0] != "profile"}
    assert told == {outcome: result for outcome, result in results(cpu).items() if outcome[0] != "profile"}


#: Qwen3-VL with its experts, narrow and with one layer, which gets visual features.
SMALL = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]},
}
SIZED = """
import sys

sys.path.insert(0, {folder!r})
import moe_235b_a22b

moe_235b_a22b.CONFIG.update({changes!r})
moe_235b_a22b.DEVICE = {device!r}
from moe_235b_a22b import *
"""


@pytest.mark.usefixtures("forgotten")
def test_a_small_qwen3_vl_has_the_same_findings(tmp_path: Path) -> None:
    reports = {}
    for device in ("cpu", "cuda"):
        file = tmp_path / f"small_on_{device}.py"
        text = SIZED.format(folder=str(EXAMPLES / "qwen3_vl"), changes=SMALL, device=device)
        file.write_text(text, encoding="utf-8")
        with opened(str(file)) as case:
            reports[device] = analyze_case(case, Settings(policies=TWO, device=device))
        for module in ("moe_235b_a22b", "qwen3_vl_steps"):
            sys.modules.pop(module)

    cpu, cuda = reports["cpu"], reports["cuda"]
    assert structural(cuda, judged(cuda)) == structural(cpu, judged(cuda))
    assert judged(cuda) >= {"profile", "text", "decode"}
    assert {(rule, scenario) for rule, _, scenario, *_ in structural(cpu, judged(cpu))} == {
        ("SG101", "image"),
        ("SG401", "image"),
    }


@pytest.mark.parametrize("name", ON_DEVICE)
def test_a_case_with_values_in_its_way_is_judged_as_with_them(name: str, tmp_path: Path) -> None:
    text = (CASES / f"{name}.py").read_text(encoding="utf-8")
    host = tmp_path / f"{name}.py"
    host.write_text(text.replace('DEVICE = "cuda"', 'DEVICE = "cpu"'), encoding="utf-8")

    cpu = analyze_case(load(str(host)), Settings())
    cuda = analyze_case(load(str(CASES / f"{name}.py")), Settings())

    assert found(cuda) == found(cpu)
    assert results(cuda) == results(cpu)


class Pruned(nn.Module):
    """A mask between two compiled parts, checks of what it selects, a size that is read."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Tensor, mask: Tensor | None = None, rows: Tensor | None = None) -> Tensor:
        x = self.before(x)
        if mask is not None and rows is not None:
            if mask.sum() != rows.shape[0]:
                raise ValueError("another number of rows than the mask selects")
            assert x[mask].numel() == rows.numel()
            x[mask] = rows
            x = torch.cat([x, torch.zeros(mask.sum().item(), 8, device=x.device)])
        return self.after(x)


def pruned(device: str, regions: Callable[[Any], Any] | None) -> Case:
    def call(selected: int = 0) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        x = torch.ones(16, 8, device=device)
        if not selected:
            return (x,), {}
        return (x, torch.arange(16, device=device) < selected, torch.ones(selected, 8, device=device)), {}

    def build() -> nn.Module:
        torch.manual_seed(0)
        return Pruned().to(device)

    return Case(
        build=build,
        profile=call,
        serving=lambda: {"text": call(), "five": call(5), "seven": call(7)},
        regions=regions,
        context=lambda name: torch.no_grad(),
        independent=True,
        device=device,
    )


@pytest.mark.parametrize("regions", [None, lambda model: [model.before]], ids=["inside of a region", "between"])
def test_checks_and_sizes_break_and_wait_where_they_do_with_values(regions: Callable[[Any], Any] | None) -> None:
    cpu, cuda = (analyze_case(pruned(device, regions), Settings()) for device in ("cpu", "cuda"))

    assert found(cuda) == found(cpu) != set()


def test_nothing_that_rests_on_an_unknown_value_is_proved() -> None:
    every = (Policy.RECOMPILE, Policy.DROP, Policy.SHAPES_ONLY, Policy.CUDA_GRAPH)

    report = analyze_case(
        dataclasses.replace(pruned("cuda", None), observe=lambda model, out: out.dtype), Settings(policies=every)
    )

    proved = {(s.name, o.policy): o.result for s in report.scenarios for o in s.outcomes if s.name in ("five", "seven")}
    assert set(proved.values()) == {Result.UNPROVED}


def test_one_analysis_after_another_says_the_same_of_symbols() -> None:
    first, second = (analyze_case(pruned("cuda", None), Settings()) for _ in range(2))

    # The decompiled code of graphs breaks its lines by the numbers that Dynamo gives to functions.
    told = [dataclasses.replace(report, duration_s=0, graphs=()) for report in (first, second)]
    assert told[0] == told[1]
    assert [graph.digest for graph in first.graphs] == [graph.digest for graph in second.graphs]


MIXTURE = {
    "vocab_size": 199,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "moe_intermediate_size": 32,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]},
}


def mixture(device: str) -> Case:
    from transformers import Qwen3VLMoeTextConfig, Qwen3VLMoeTextModel

    def build() -> nn.Module:
        torch.manual_seed(0)
        config = Qwen3VLMoeTextConfig(**MIXTURE)
        config._experts_implementation = "eager"
        return Qwen3VLMoeTextModel(config).to(device).eval()

    def call(*, image: bool = False) -> tuple[tuple[()], dict[str, object]]:
        mask = torch.zeros(2, 16, dtype=torch.bool)
        mask[:, 3:7] = image
        return (), {
            "inputs_embeds": torch.randn(2, 16, 64, generator=torch.Generator().manual_seed(0)).to(device),
            "position_ids": torch.arange(16, device=device).expand(3, 2, 16).clone(),
            "visual_pos_masks": mask.to(device) if image else None,
            "deepstack_visual_embeds": [torch.ones(8, 64, device=device)] if image else None,
            "use_cache": False,
        }

    return Case(
        build=build,
        profile=call,
        serving=lambda: {"text": call(), "image": call(image=True)},
        context=lambda name: torch.no_grad(),
        device=device,
    )


def test_a_mixture_of_experts_is_judged_alike() -> None:
    pytest.importorskip("transformers")

    cpu, cuda = (analyze_case(mixture(device), Settings()) for device in ("cpu", "cuda"))

    assert found(cuda) == found(cpu)
    assert any("one row stands for all that a loop goes through" in note for note in cuda.notes)
