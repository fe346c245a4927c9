"""The Qwen3-VL examples: published sizes without memory, and a script that measures them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "examples" / "qwen3_vl"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports an example, and forgets it afterwards."""
    pytest.importorskip("transformers")
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module
    for name in ("dense_2b", "moe_235b_a22b", "qwen3_vl_steps"):
        sys.modules.pop(name, None)


def peak_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def counted(layers: int, hidden: int, heads: int, kv_heads: int, mlp: int) -> int:
    """Embedding, layers (attention, two norms of 128 and two of the hidden size, MLP), norm: no head, no biases."""
    attention = 2 * hidden * heads * 128 + 2 * hidden * kv_heads * 128 + 2 * 128
    return 151936 * hidden + layers * (attention + mlp + 2 * hidden) + hidden


@pytest.mark.parametrize(
    ("name", "layers", "parameters"),
    [
        ("dense_2b", 28, counted(28, 2048, 16, 8, mlp=3 * 2048 * 6144)),
        ("moe_235b_a22b", 94, counted(94, 4096, 64, 4, mlp=128 * 3 * 4096 * 1536 + 128 * 4096)),
    ],
    ids=["2B", "235B"],
)
def test_a_model_of_published_size_is_made_without_memory(
    example: Callable[[str], ModuleType], name: str, layers: int, parameters: int
) -> None:
    import torch

    from steadygraph.accelerator import simulated

    case = example(name)
    before = peak_mib()

    with simulated(case.DEVICE):
        model = case.build()
        made = list(model.parameters())

    assert len(model.layers) == layers
    assert {parameter.dtype for parameter in made} == {torch.bfloat16}
    assert {str(parameter.device) for parameter in made} == {"cuda:0"}
    assert sum(parameter.numel() for parameter in made) == parameters
    assert peak_mib() - before < 200


def test_the_script_that_measures_large_models_runs() -> None:
    pytest.importorskip("transformers")
    script = ROOT / "tests" / "benchmarks" / "large_models.py"

    done = subprocess.run(
        [sys.executable, script, "dense_2b", "--tiny", "--layers", "1"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("dense_2b, 1 layers: ")
