"""What the reference implementations cost above the plain operators that move the same bytes.

    python tests/benchmarks/reference_cost.py [--rounds N] [NAME ...]

Both sides run in turn in one process; printed is the ratio of the medians, and that of the fastest rounds, which other
work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch

from steadygraph.reference.deepstack import DeepstackBuffers
from steadygraph.reference.masking import merge_rows

LEVELS, TOKENS, HIDDEN, DTYPE = 3, 8192, 2048, torch.bfloat16
Work = Callable[[], object]


def deepstack_step() -> tuple[Work, Work]:
    """Write, read and clear all levels; against one copy and one zeroing of the same memory."""
    payload, inputs_embeds = torch.randn(LEVELS, TOKENS, HIDDEN).to(DTYPE), torch.randn(TOKENS, HIDDEN).to(DTYPE)
    buffers, memory = DeepstackBuffers(LEVELS, TOKENS, HIDDEN), torch.zeros_like(payload)

    def plain() -> None:
        memory.copy_(payload)
        memory.zero_()

    def step() -> None:
        with buffers.step():
            buffers.set(payload, inputs_embeds)
            buffers.get(inputs_embeds)

    return plain, step


def merging() -> tuple[Work, Work]:
    """Every second row of the embeddings, through a mask; against ``index_copy_`` with the index at hand."""
    inputs_embeds, rows = torch.randn(TOKENS, HIDDEN).to(DTYPE), torch.randn(TOKENS // 2, HIDDEN).to(DTYPE)
    index = torch.arange(0, TOKENS, 2)
    mask = torch.zeros(TOKENS, dtype=torch.bool).index_fill_(0, index, True)
    other = inputs_embeds.clone()

    def plain() -> None:
        other.index_copy_(0, index, rows)

    def merge() -> None:
        merge_rows(inputs_embeds, mask, rows, counts=[len(rows)])

    return plain, merge


#: name -> what is compared, how many times the plain operators it may take.
BENCHMARKS = {"deepstack step": (deepstack_step, 1.1), "merging rows": (merging, 1.2)}


def seconds(work: Work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(name: str, rounds: int) -> bool:
    make, goal = BENCHMARKS[name]
    plain, work = make()
    for _ in range(3):  # memory is mapped, caches are warm
        plain()
        work()
    pairs = [(seconds(plain), seconds(work)) for _ in range(rounds)]
    low, cost = statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)
    fastest = min(p[1] for p in pairs) / min(p[0] for p in pairs)
    print(
        f"{name}: plain {low * 1e3:.2f} ms, reference {cost * 1e3:.2f} ms, "
        f"ratio {cost / low:.3f}, of the fastest rounds {fastest:.3f} (goal {goal})"
    )
    return min(cost / low, fastest) <= goal


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("names", nargs="*", default=list(BENCHMARKS))
    options = parser.parse_args()
    with torch.inference_mode():
        met = [compare(name, options.rounds) for name in options.names]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
