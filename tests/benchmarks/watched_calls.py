"""What a call costs more where it is watched: python tests/benchmarks/watched_calls.py

A model of 28 layers is called in turns, alone and under a watch, in one process; the least of many turns counts, since
whatever else the machine does only makes them longer.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch._dynamo import eval_frame

import steadygraph

LAYERS, CALLS, TURNS = 28, 200, 60


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
    """Microseconds of one call, on average."""
    started = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - started) / CALLS * 1e6


def measured(name: str, options: dict[str, Any] | None) -> None:
    torch.compiler.reset()
    model = Model().eval()
    compiled = torch.compile(model, backend="eager", dynamic=True, options=options)
    x, positions = torch.ones(4, 8), torch.arange(8.0)

    def call() -> None:
        compiled(x, positions=positions)

    theirs = eval_frame._callback_from_stance
    alone, watched = [], []
    with torch.no_grad(), steadygraph.watch() as watching:
        ours = eval_frame._callback_from_stance
        for _ in range(3):
            call()
        guards = watching.recording().regions[0].guards
        for _ in range(TURNS):
            for hook, found in ((theirs, alone), (ours, watched)):
                eval_frame._callback_from_stance = hook
                found.append(turn(call))
        eval_frame._callback_from_stance = ours
    extra = [w - a for w, a in zip(watched, alone, strict=True)]
    print(
        f"{name}: {guards} guards; a call {min(alone):.1f} us alone, {min(watched):.1f} us watched: "
        f"{min(watched) - min(alone):.1f} us more (median of the differences {statistics.median(extra):.1f} us)"
    )


if __name__ == "__main__":
    print(f"torch {torch.__version__}, Python {sys.version.split()[0]}, {torch.get_num_threads()} thread")
    measured("guards kept", None)
    measured("guards dropped", {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe})
