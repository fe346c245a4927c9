"""Rules are pure: quick, without torch, and the same evidence gives the same findings."""

from __future__ import annotations

import json
import subprocess
import sys

#: 100 scenarios, in each of them defects of every family; prints what happened as JSON.
SCRIPT = """
import json, sys, time
from steadygraph.rule.judge import judge_all
from steadygraph.model import (
    Aspect, BreakReason, Difference, Evidence, Failure, GraphBreak, GraphChange, Leak, Location, Move, Ambient,
    ContainerNode, Observation, Outcome, Owner, Policy, Result, Sync, TensorNode, TensorSpec, ViolatedGuard,
)
from steadygraph_rules import RULES

TENSOR = TensorNode(TensorSpec((16, 4), "torch.float32", "cpu", (4, 1), False))
CALL = ContainerNode("tuple", (("args[0]", TENSOR),))


def guard(path, aspect, expected, actual, line, **more):
    values = dict(source=f"L[{path!r}]", path=path, guard_type="TENSOR_MATCH", aspect=aspect, owner=Owner.ARGUMENT,
                  expected=expected, actual=actual, location=Location("model.py", line, "forward", "x"), matters=True)
    return ViolatedGuard(**{**values, **more})


def scenario(number):
    guards = (
        guard("deep", Aspect.NONE, "None", "dict with 3 tensors", 1),
        guard("deep['a']", Aspect.SHAPE, "1", "2", 1, dim=0),
        guard("states", Aspect.LENGTH, "1", "3", 2),
        guard("mode", Aspect.VALUE, "'a'", "'b'", 3, expected_type="str", actual_type="str"),
        guard("n", Aspect.VALUE, "3", "5", 4, expected_type="int", actual_type="int"),
        guard("t", Aspect.VALUE, "0.5", "1.5", 5, expected_type="float", actual_type="float"),
        guard("x.shape[0]", Aspect.SHAPE, "16", "6", 6, dim=0),
        guard("y.dtype", Aspect.DTYPE, "torch.int32", "torch.int64", 7),
        guard("z.stride[0]", Aspect.STRIDE, "4", "8", 8, dim=0),
        guard("w.device", Aspect.DEVICE, "cpu", "cuda:0", 9),
        guard("v.requires_grad", Aspect.REQUIRES_GRAD, "False", "True", 10),
        guard("self.step", Aspect.VALUE, "1", "2", 11, owner=Owner.MODULE, expected_type="int", actual_type="int"),
        guard("self.act", Aspect.IDENTITY, "one", "another", 12, owner=Owner.MODULE, matters=False),
        guard("ambient.num_threads", Aspect.AMBIENT, "4", "1", 13, owner=Owner.AMBIENT),
    )
    line = Location("model.py", 20, "forward", "if x.sum() > 0:")
    seen = Observation("", f"s{number}", CALL, Ambient(), breaks=(
        GraphBreak(BreakReason.DATA_DEPENDENT_BRANCH, "generic_jump", line),))
    return Evidence(
        scenario=f"s{number}", regions=(), profile=(Observation("", "profile", CALL, Ambient()),), serving=(seen,),
        differences=tuple(Difference(f"args[{i}]", Aspect.VALUE, "1", "2") for i in range(20)),
        violated_guards=guards, graph=GraphChange(False, ("deep",), (("add", 3),)),
        outcomes=(Outcome(Policy.RECOMPILE, "eager", Result.RECOMPILES, 0.0, 1),
                  Outcome(Policy.DROP, "eager", Result.SILENT_WRONG, 0.5),
                  Outcome(Policy.CUDA_GRAPH, "eager", Result.SILENT_WRONG, 0.5)),
        eager_error=Failure("ValueError", "16 > 6", line), profile_call=CALL, call=CALL,
        syncs=(Sync("tolist", line), Sync("item", line, 3, True)), leak=Leak(("self.buf",), "differs", 1.0),
        moved=(Move("self.ws", during=True),),
    )


scenarios = [scenario(number) for number in range(100)]
times = []
for _ in range(3):
    started = time.perf_counter()
    judgement = judge_all(scenarios, RULES)
    times.append(time.perf_counter() - started)
loops = []
for _ in range(3):
    started = time.perf_counter()
    for number in range(300_000):
        f"{number:x}".replace("0", "o").isprintable()
    loops.append(time.perf_counter() - started)
print(json.dumps({
    "torch": "torch" in sys.modules,
    "loops": min(times) / min(loops),
    "findings": len(judgement.findings),
    "rules": sorted({finding.rule for finding in judgement.findings}),
    "failed": [str(failure) for failure in judgement.failed],
    "same": judge_all(scenarios, RULES) == judgement,
}))
"""


def test_a_thousand_findings_take_no_longer_than_a_million_short_strings_and_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["findings"] >= 1000
    assert len(told["rules"]) >= 15
    assert told["loops"] < 12
    assert (told["torch"], told["failed"], told["same"]) == (False, [], True)
