"""vLLM itself, watched: a tiny Qwen3-VL with random weights, with the getter of the incident and with the mended one.

Each server runs in processes of its own, as it does elsewhere, with vLLM's own configuration: ``make test-vllm``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.with_vllm import tiny_qwen3_vl

from steadygraph.model import Severity
from steadygraph.model.run import RunReport
from steadygraph.report.json import codec

HERE = Path(__file__).parent
LOADED = "Directly load AOT compilation"


@dataclass(frozen=True)
class Served:
    """What a server answered, said, and left behind."""

    tokens: list[str]
    log: str
    reports: list[RunReport]

    def loud(self) -> list[list[tuple[str, str, int]]]:
        """Of each rank, what is more than a note: severity, rule, line."""
        return [
            [
                (f.severity.value, f.rule, f.location.line if f.location else 0)
                for f in report.findings
                if f.severity is not Severity.NOTE
            ]
            for report in self.reports
        ]


class Machine:
    """Where servers are started, one after the other, with one cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model = tiny_qwen3_vl.make(folder / "model")

    def serve(self, name: str, *, watched: bool = True, old: bool = False, **options: Any) -> Served:
        watch = self._folder / name
        paths = [str(HERE / "site"), *(path for path in sys.path if path)]
        own = {
            "PYTHONPATH": os.pathsep.join(paths),
            "OLD_GETTER": "1" if old else "",
            "STEADYGRAPH_WATCH": str(watch) if watched else "",
            "VLLM_CACHE_ROOT": str(self._folder / ("old" if old else "new")),
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, str(HERE / "serve.py"), str(self._model), json.dumps(options)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **own}, check=False)
        log = done.stdout + done.stderr
        assert done.returncode == 0, log[-8000:]
        reports = sorted(map(codec.read, watch.glob("rank-*/report.json")), key=lambda one: one.environment["rank"])
        return Served([line for line in done.stdout.splitlines() if line.startswith("TOKENS")], log, reports)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("vllm"))


@pytest.fixture(scope="module")
def line() -> int:
    """Where Qwen3-VL asks whether there are features of an image."""
    spec = importlib.util.find_spec("vllm")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "model_executor" / "models" / "qwen3_vl.py"
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(n for n, text in enumerate(lines, 1) if "if deepstack_input_embeds is not None and layer_idx" in text)


def test_the_getter_of_the_incident_is_found_cold_and_from_the_cache(machine: Machine, line: int) -> None:
    cold = machine.serve("cold", old=True)
    loaded = machine.serve("loaded", old=True)

    assert (LOADED in cold.log, LOADED in loaded.log) == (False, True)
    assert cold.loud() == loaded.loud() == [[("error", "SG101", line)]]
    assert "error SG101 [serving-3] argument `deepstack_input_embeds` is None at profile" in cold.log


def test_the_mended_getter_has_nothing_above_a_note_and_vllm_answers_as_without_us(machine: Machine) -> None:
    alone = machine.serve("alone", watched=False)
    watched = machine.serve("watched")

    assert alone.reports == []
    assert watched.loud() == [[]]
    assert watched.tokens == alone.tokens != []


def test_each_rank_of_tensor_parallelism_finds_it(machine: Machine, line: int) -> None:
    served = machine.serve("parallel", old=True, tensor_parallel_size=2)

    assert [report.environment["rank"] for report in served.reports] == ["0", "1"]
    assert served.loud() == [[("error", "SG101", line)]] * 2
