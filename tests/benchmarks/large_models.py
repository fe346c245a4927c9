"""What it takes to analyse models that no laptop could hold: the command itself, its time, memory and traces.

    python tests/benchmarks/large_models.py [NAME ...] [--layers 28 94] [--tiny]

Runs ``steadygraph analyze`` on the Qwen3-VL examples with that many layers and all policies.  Printed are wall-clock
and processor time of the command, the peak memory of the process that analyses (``VmHWM``, sampled), and how often
Dynamo traced a frame; less than once for each distinct graph is not possible.  The exit code is 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "qwen3_vl"
#: Example -> how many layers it is published with.
MODELS = {"dense_2b": 28, "moe_235b_a22b": 94}
POLICIES = ("recompile", "drop", "shapes-only", "cuda-graph")
GOAL_S, GOAL_MIB, GOAL_GROWTH = 120.0, 1000.0, 2.5
#: For trying the script itself.
TINY = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "num_experts": 6,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]},
}
CASE = """
import sys
from torch._dynamo.callback import on_compile_start

sys.path.insert(0, {folder!r})
import {name}

{name}.CONFIG.update((key, value) for key, value in {changes!r}.items() if key in {name}.CONFIG)
from {name} import *

@on_compile_start
def count(_):
    with open({count!r}, "a") as file:
        file.write(".")
"""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """What one analysis took."""

    wall_s: float
    processor_s: float
    peak_mib: float
    traces: int
    graphs: int
    findings: tuple[str, ...]


def case_text(name: str, layers: int, sizes: dict[str, object], count: Path) -> str:
    """A case file: the example with another number of layers, that writes down each time that Dynamo traces."""
    return CASE.format(
        name=name, folder=str(EXAMPLES), changes={**sizes, "num_hidden_layers": layers}, count=str(count)
    )


def measure(name: str, layers: int, sizes: dict[str, object]) -> Cost:
    """Analyse an example in a process of its own, as a user would."""
    with tempfile.TemporaryDirectory() as folder:
        case, count = Path(folder, f"{name}_{layers}.py"), Path(folder, "traces")
        case.write_text(case_text(name, layers, sizes, count), encoding="utf-8")
        command = [Path(sys.executable).with_name("steadygraph"), "analyze", case, "--format", "json", "--no-progress"]
        command += [part for policy in POLICIES for part in ("--policy", policy)]
        with Path(folder, "report.json").open("w+") as report:
            started = time.perf_counter()
            peak, processor = watched(subprocess.Popen(command, stdout=report))
            wall_s = time.perf_counter() - started
            report.seek(0)
            (analysed,) = json.load(report)["cases"]
        if analysed["error"] is not None:
            raise SystemExit(f"{name}: {analysed['error']['message']}")
        found = tuple(f"{f['scenario']}: {f['rule']} {f['name']}" for f in analysed["findings"])
        return Cost(wall_s, processor, peak, len(count.read_text()), len(analysed["graphs"]), found)


def watched(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Peak MiB of the largest process below this one, and the processor time of all, until it ends."""
    peaks: dict[int, float] = {}
    times: dict[int, float] = {}
    while process.poll() is None:
        for pid in below(process.pid):
            peaks[pid] = max(peaks.get(pid, 0.0), peak_mib(pid))
            times[pid] = max(times.get(pid, 0.0), processor_s(pid))
        time.sleep(0.02)
    return max(peaks.values()), sum(times.values())


def below(pid: int) -> Iterator[int]:
    """A process and all that it started, directly or not."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return
    for child in children:
        yield from below(int(child))


def peak_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def processor_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(MODELS))
    parser.add_argument("--layers", type=int, nargs="+", help="default: the published number, and for the large one 28")
    parser.add_argument("--tiny", action="store_true", help="narrow layers, to try the script itself")
    options = parser.parse_args(arguments)
    missed = 0
    for name in options.names:
        layers = options.layers or sorted({28, MODELS[name]})
        costs = [measure(name, count, TINY if options.tiny else {}) for count in layers]
        for count, cost in zip(layers, costs, strict=True):
            print(
                f"{name}, {count} layers: {cost.wall_s:.1f} s ({cost.processor_s:.1f} s of processor time), "
                f"{cost.peak_mib:.0f} MiB, {cost.traces} traces of {cost.graphs} graphs, {len(cost.findings)} findings "
                f"(goals {GOAL_S:.0f} s, {GOAL_MIB:.0f} MiB)"
            )
            missed += cost.wall_s > GOAL_S or cost.peak_mib > GOAL_MIB
        if len(costs) > 1:
            growth = costs[-1].wall_s / costs[0].wall_s
            processor = costs[-1].processor_s / costs[0].processor_s
            print(
                f"{name}: {layers[-1]} layers take {growth:.2f} times as long as {layers[0]} (goal {GOAL_GROWTH}), "
                f"and {processor:.2f} times the processor time"
            )
            missed += growth > GOAL_GROWTH
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
