"""A server of several ranks, each in a process of its own; and an engine that is not watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadygraph.report.json import codec

STAND_INS = Path(__file__).resolve().parent.parent / "stand_ins"


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = [str(STAND_INS), *(path for path in sys.path if path)]
    own = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=own, check=False)


@pytest.mark.parametrize("plugin", ["vllm_plugin", "sglang_plugin"])
def test_an_engine_that_is_not_watched_pays_for_one_file(plugin: str) -> None:
    program = f"""
import sys
before = set(sys.modules)
from steadygraph.{plugin} import register
register()
print(*sorted(name for name in set(sys.modules) - before if name.partition(".")[0] in ("steadygraph", "torch", "vllm")))
"""

    done = python("-c", program, STEADYGRAPH_WATCH="")

    assert (done.stdout.split(), done.stderr) == (["steadygraph", f"steadygraph.{plugin}"], "")


def test_what_sglang_recompiles_is_told_in_the_report_of_its_process(tmp_path: Path) -> None:
    done = python(str(STAND_INS / "sglang_server.py"), STEADYGRAPH_WATCH=str(tmp_path))

    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("steadygraph [rank 0]: warning SG101 [serving-1] argument `deepstack` is None at profile")
    (report,) = map(codec.read, tmp_path.glob("rank-0.*/report.json"))
    assert [(f.rule, f.severity.value) for f in report.findings] == [("SG101", "warning")]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_each_rank_writes_a_report_of_its_own(method: str, tmp_path: Path, cli: Callable[..., Any]) -> None:
    done = python(str(STAND_INS / "vllm_server.py"), method, "2", STEADYGRAPH_WATCH=str(tmp_path))

    assert done.returncode == 0, done.stderr
    reports = {report.environment["rank"]: report for report in map(codec.read, tmp_path.glob("*/report.json"))}
    assert sorted(reports) == ["0", "1"]
    assert len({report.environment["run"] for report in reports.values()}) == 1
    for report in reports.values():
        assert [(f.rule, f.severity.value) for f in report.findings] == [("SG101", "error")]
    merged = json.loads(cli("report", str(tmp_path), "--format", "json").out)
    (case,) = merged["cases"]
    (finding,) = case["findings"]
    assert finding["message"] == (
        "argument `deepstack` is None at profile, IntermediateTensors with 1 tensor at serving; on ranks 0 and 1"
    )
    assert not [note for note in case["notes"] if note.startswith("rank")]
