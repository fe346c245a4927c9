"""What an analysis costs above its floor: a plain ``torch.compile(backend="eager")`` run of the same calls.

    python tests/benchmarks/analysis_cost.py [--rounds N] [NAME ...]

Both run in turn in one process, from the same state (``torch._dynamo.reset()`` between them); printed is the ratio of
the medians.  Peak memory is taken in a fresh process each, and printed as a ratio too.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from steadygraph.case.case import Case, build_model, load, profile_call, region_modules, serving_calls
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
CASES = {
    "demo decoder": EXAMPLES / "deepstack" / "v1_broken.py",
    "Qwen3VLTextModel, 28 layers": HERE / "qwen3_vl_text_28.py",
    "ten scenarios, one graph": HERE / "ten_scenarios.py",
}
GOAL = 1.2


def floor(case: Case) -> None:
    """What anybody pays who compiles the model and makes the same calls, guards kept."""
    torch.manual_seed(0)
    model = build_model(case)
    for _, module in region_modules(case, model):
        module.forward = torch.compile(module.forward, backend="eager", **case.compile)
    profile = profile_call(case)
    if case.mark is not None:
        case.mark(profile.args, profile.kwargs)
    for name, call in {"profile": profile, **serving_calls(case)}.items():
        if case.before is not None:
            case.before(model, name)
        with contextlib.suppress(Exception), case.context(name) if case.context else contextlib.nullcontext():
            model(*call.args, **call.kwargs)


def analysis(case: Case) -> None:
    analyze_case(case, Settings(policies=None))


def seconds(work: Callable[[Case], None], case: Case) -> float:
    torch._dynamo.reset()
    started = time.perf_counter()
    work(case)
    return time.perf_counter() - started


def compare(name: str, rounds: int) -> float:
    case = load(str(CASES[name]))
    floor(case)  # the first compilation of a process pays for imports
    analysis(case)
    pairs = [(seconds(floor, case), seconds(analysis, case)) for _ in range(rounds)]
    low, cost = statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)
    print(f"{name}: floor {low:.3f} s, analysis {cost:.3f} s, ratio {cost / low:.2f} (goal {GOAL})")
    return cost / low


def peak_mib(name: str, what: str) -> float:
    done = subprocess.run([sys.executable, __file__, "--peak", what, name], check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def peak_of_this_process() -> float:
    """MiB; getrusage would count the parent's peak, which a child inherits until it runs its own program."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak", choices=["floor", "analysis"], help="print the peak memory of one run, in MiB")
    parser.add_argument("names", nargs="*", default=list(CASES))
    options = parser.parse_args()
    if options.peak:
        work = {"floor": floor, "analysis": analysis}[options.peak]
        work(load(str(CASES[options.names[0]])))
        print(peak_of_this_process())
        return 0
    ratios = []
    for name in options.names:
        ratios.append(compare(name, options.rounds))
        low, high = peak_mib(name, "floor"), peak_mib(name, "analysis")
        print(f"{name}: peak memory {low:.0f} MiB and {high:.0f} MiB, ratio {high / low:.2f} (goal 1.20)")
    return 0 if max(ratios) <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
