"""What a call costs more where it is watched: python tests/benchmarks/watched_calls.py

One model of 28 layers is called in turns, as it is watched and as it would be without: with Dynamo's own callback, and
its graph without what tells of its runs.  Each turn is held against those before and after it, in time of the
processor, and the median of the differences counts: the same model at the same place in memory, since where a model
lies makes a greater difference than a watch.  What it takes Dynamo to hand over the locals of a frame, where guards are
dropped, is not in it: it is measured alone.
"""

from __future__ import annotations

import gc
import inspect
import itertools
import statistics
import sys
import time
import timeit
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn
from torch._dynamo import eval_frame

import steadygraph

LAYERS, CALLS, TURNS = 28, 10, 800


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down, self.scale = nn.Linear(8, 8), nn.Linear(8, 8), 1.0

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        h = self.down(self.up(x).relu()) * self.scale
        return x + (h if mask is None else h * mask)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(
        self, x: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None = None, deepstack: Any = None
    ) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x, mask)
        return x + positions if deepstack is None else x + deepstack["d0"]


def turn(call: Callable[[], object]) -> float:
    """Microseconds of one call, on average; the first one is for the caches."""
    call()
    started = time.thread_time()
    for _ in range(CALLS):
        call()
    return (time.thread_time() - started) / CALLS * 1e6


def alone(watched: Any) -> Any:
    """What Dynamo would run where nobody watches."""
    run = watched._torchdynamo_orig_callable
    return torch._dynamo.disable(inspect.getclosurevars(run).nonlocals["compiled"])


def handed_over() -> float:
    """Microseconds that a guard manager without guards takes more to hand over five locals."""
    from torch._C._dynamo.guards import RootGuardManager

    plain, handing = RootGuardManager(), RootGuardManager()
    handing.add_lambda_guard(ContextVar("locals").set, ["told"], None)
    f_locals = dict.fromkeys("abcde")
    least = (min(timeit.repeat(lambda m=m: m.check(f_locals), number=10_000)) / 10_000 for m in (handing, plain))
    return next(least) * 1e6 - next(least) * 1e6


def measured(name: str, options: dict[str, Any] | None) -> None:
    torch.compiler.reset()
    compiled = torch.compile(Model().eval(), backend="eager", dynamic=True, options=options)
    x, positions = torch.ones(4, 8), torch.arange(8.0)

    def call() -> None:
        compiled(x, positions=positions)

    theirs, names = eval_frame._callback_from_stance, globals()
    with torch.no_grad(), steadygraph.watch() as watching:
        ours = eval_frame._callback_from_stance
        for _ in range(4):
            call()
        graph = next(key for key in reversed(names) if key.startswith("__compiled_fn"))
        without, within = (theirs, alone(names[graph])), (ours, names[graph])
        times: dict[bool, list[float]] = {False: [], True: []}
        gc.disable()
        for number in range(2 * TURNS + 1):
            eval_frame._callback_from_stance, names[graph] = within if number % 2 else without
            times[bool(number % 2)].append(turn(call))
        gc.enable()
        eval_frame._callback_from_stance, names[graph] = within
        seen = watching.recording()
    calls = sum(one.seen.calls for one in seen.calls if one.seen)
    assert calls == 4 + TURNS * (CALLS + 1), calls
    beside = [(a + b) / 2 for a, b in itertools.pairwise(times[False])]
    extra = statistics.median(watched - a for watched, a in zip(times[True], beside, strict=True))
    print(
        f"{name}: {seen.regions[0].guards} guards; a call {statistics.median(times[False]):.0f} us alone, "
        f"{extra:.1f} us more watched"
    )


if __name__ == "__main__":
    print(f"torch {torch.__version__}, Python {sys.version.split()[0]}, {torch.get_num_threads()} thread")
    measured("guards kept", None)
    measured("guards dropped", {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe})
    print(f"locals handed over where guards are dropped: {handed_over():.2f} us")
