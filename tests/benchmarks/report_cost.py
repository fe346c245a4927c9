"""What it costs to render a report of 1,000 cases with 10,000 findings: seconds and peak memory of each format.

    python tests/benchmarks/report_cost.py [FORMAT ...]

Each format is rendered in a process of its own, forked when the report is made; the time is that of the processor.  On
a busy machine that grows too, so it is also held against a loop that runs right before and after: units of that loop.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from steadygraph.model import (
    Aspect,
    CaseReport,
    Consequence,
    Difference,
    Finding,
    Graph,
    GraphChange,
    GraphNode,
    Kind,
    Location,
    NodeKind,
    Outcome,
    Owner,
    Policy,
    Region,
    RegionCall,
    Result,
    ScenarioReport,
    SourceExcerpt,
    Status,
    ViolatedGuard,
)
from steadygraph.model.run import RunReport
from steadygraph.report.formats import FORMATS, renderer

CASES, FINDINGS_PER_CASE, SCENARIOS_PER_CASE, GUARDS_PER_SCENARIO, NODES_PER_GRAPH = 1_000, 10, 5, 4, 20
GOAL_S, GOAL_MIB = 2.0, 300.0
UNIT_STEPS = 300_000
_ROOT = Path.cwd()


def large_report(cases: int = CASES) -> RunReport:
    """Cases of the size of the examples; every text occurs once, as in a report of different models."""
    return RunReport(tuple(_case(number) for number in range(cases)))


def _case(number: int) -> CaseReport:
    path = f"{_ROOT}/models/family_{number % 40}/model_{number}.py"
    scenarios = tuple(_scenario(number, index, path) for index in range(SCENARIOS_PER_CASE))
    return CaseReport(
        target=f"cases/family_{number % 40}/case_{number}.py",
        status=Status.COMPLETED,
        duration_s=1.5,
        regions=(Region("", Location(path, 31, "forward", "def forward(self, x, extra=None):"), 250, 1, 0),),
        scenarios=(ScenarioReport("profile"), *scenarios),
        findings=tuple(_findings(number, path)),
        graphs=(_graph(number, path),),
        sources=(
            SourceExcerpt(path, 36, tuple(f"        x = self.layer_{line}(x)  # {number}" for line in range(14))),
        ),
    )


def _findings(number: int, path: str) -> Iterator[Finding]:
    consequences = (Consequence.SILENT_WRONG, Consequence.RECOMPILES, Consequence.SLOW)
    for index in range(FINDINGS_PER_CASE):
        consequence = consequences[index % len(consequences)]
        argument = f"kwargs['feature_{index}']"
        yield Finding(
            rule="SG101",
            name="none-at-profile",
            kind=Kind.INPUT_STRUCTURE,
            severity=consequence.severity,
            scenario=f"scenario_{index % SCENARIOS_PER_CASE}",
            region="",
            consequence=consequence,
            message=f"argument `{argument}` is None at profile, a list with {number} tensors at serving",
            location=Location(path, 37 + index, "forward", f"if {argument} is not None:"),
            fix="Pass zeros at profile too: same type, keys, shapes, dtypes and device.",
            fingerprint=f"{number:08x}{index:08x}",
            path=argument,
            profile="None",
            serving=f"list with {number} tensors",
        )


def _scenario(number: int, index: int, path: str) -> ScenarioReport:
    guards = tuple(
        ViolatedGuard(
            source=f"L['x{each}']",
            path=f"args[{each}].shape[0]",
            guard_type="TENSOR_MATCH",
            aspect=Aspect.SHAPE,
            owner=Owner.ARGUMENT,
            expected="16",
            actual=str(number + each),
            location=Location(path, 40 + each, "forward", f"x{each} = x{each} + {number}"),
            dim=0,
            matters=False,
        )
        for each in range(GUARDS_PER_SCENARIO)
    )
    return ScenarioReport(
        name=f"scenario_{index}",
        differences=(Difference(f"kwargs['feature_{index}']", Aspect.NONE, "None", f"list with {number} tensors"),),
        violated_guards=guards,
        graph=GraphChange(False, (f"kwargs['feature_{index}'][0]",), (("aten.add.Tensor", 3),)),
        outcomes=(
            Outcome(Policy.RECOMPILE, "eager", Result.RECOMPILES, 0.0, 1),
            Outcome(Policy.DROP, "eager", Result.SILENT_WRONG, 0.5, error="output: 3 of 3 elements differ"),
        ),
        calls=(RegionCall("", (f"{number:016x}",), f"{number:016x}", (("TENSOR_MATCH", 250),)),),
    )


def _graph(number: int, path: str) -> Graph:
    node = GraphNode(NodeKind.CALL, "aten.add.Tensor", (0, 1), "float32[2, 8]", 0)
    return Graph(
        digest=f"{number:016x}",
        ops=(("aten.add.Tensor", NODES_PER_GRAPH),),
        inputs=(),
        frame=Location(path, 31, "forward"),
        nodes=tuple(replace(node, inputs=(max(each - 1, 0),)) for each in range(NODES_PER_GRAPH)),
        lines=tuple(Location(path, 40 + each, "forward", f"x{each} = x{each} + {number}") for each in range(4)),
    )


class Cost(NamedTuple):
    """Of one format: processor time, the same in units of ``_unit_s``, peak memory, and letters."""

    seconds: float
    units: float
    peak_mib: float
    length: int


def costs(names: Iterable[str]) -> dict[str, Cost]:
    """What each format costs, apart from what the caller holds in memory."""
    command = [sys.executable, __file__, "--measure", *names]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {name: Cost(*cost) for name, cost in json.loads(done.stdout).items()}


def _measured_each(names: Sequence[str]) -> dict[str, Cost]:
    report()
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        return dict(zip(names, pool.map(_measured, names, chunksize=1), strict=True))


@functools.cache
def report() -> RunReport:
    """The report of this process, and of those that are forked from it."""
    return large_report()


def _measured(name: str) -> Cost:
    render = renderer(name)
    before = _unit_s()
    started = time.process_time()
    length = len(render(report()))
    seconds = time.process_time() - started
    return Cost(seconds, seconds / ((before + _unit_s()) / 2), _peak_mib(), length)


def _unit_s() -> float:
    """A loop over short strings, which is what rendering consists of."""
    started = time.process_time()
    for number in range(UNIT_STEPS):
        f"{number:x}".replace("0", "o").isprintable()
    return time.process_time() - started


def _peak_mib() -> float:
    """Of this process, with what it shares with its parent; getrusage would count the parent's peak."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--measure"]:
        print(json.dumps(_measured_each(arguments[1:])))
        return 0
    found = costs(arguments or FORMATS)
    for name, cost in found.items():
        time_and_memory = f"{cost.seconds:5.2f} s (goal {GOAL_S}), {cost.peak_mib:4.0f} MiB (goal {GOAL_MIB:.0f})"
        print(f"{name:<9} {time_and_memory}, {cost.units:.0f} units, {cost.length / 1e6:.1f} MB")
    return int(any(cost.seconds > GOAL_S or cost.peak_mib > GOAL_MIB for cost in found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
