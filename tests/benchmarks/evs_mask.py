"""What a retention mask costs above its floor: the plain cosine of all frames at once, and the plain sort.

    python tests/benchmarks/evs_mask.py [--rounds N] [--frames T]

768 frames of 256 tokens by 2,048 channels in bfloat16, 805 MB, on the CPU.  Both run in turn in one process; printed is
the ratio of the medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from steadygraph.reference.evs import retained_tokens, retention_mask

TOKENS, CHANNELS, RATE = 256, 2048, 0.7
GOAL = 1.5


def floor(rows: Tensor, frames: int) -> Tensor:
    """The mask as it is written down: cosine, 255 for the first frame, sort, the first K."""
    video = rows.view(frames, TOKENS, CHANNELS)
    distance = 1 - torch.nn.functional.cosine_similarity(video[1:], video[:-1], dim=-1, eps=1e-8)
    flat = torch.cat((distance.new_full((1, TOKENS), 255), distance)).flatten()
    kept = flat.argsort(stable=True, descending=True)[: retained_tokens(TOKENS, frames, RATE)]
    return torch.zeros(len(flat), dtype=torch.bool).index_fill(0, kept, True)


def reference(rows: Tensor, frames: int) -> Tensor:
    return retention_mask(rows, (frames, 16, 16), 1, RATE)


def seconds(mask: Callable[[Tensor, int], Tensor], rows: Tensor, frames: int) -> float:
    started = time.perf_counter()
    mask(rows, frames)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=768)
    options = parser.parse_args()
    frames: int = options.frames
    rows = torch.randn(frames * TOKENS, CHANNELS, dtype=torch.bfloat16)
    if not torch.equal(floor(rows, frames), reference(rows, frames)):  # also the first calls, which pay for imports
        print("the masks differ: nothing to compare")
        return 1
    pairs = [(seconds(floor, rows, frames), seconds(reference, rows, frames)) for _ in range(options.rounds)]
    low, cost = statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)
    print(f"{frames} frames: floor {low:.3f} s, mask {cost:.3f} s, ratio {cost / low:.2f} (goal {GOAL})")
    return 0 if cost / low <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
