"""#43617: rows of the buffers again in every step, and larger buffers where a step is padded beyond them.

One graph serves all steps.  An aborted step still leaves its rows behind, now for good, since nothing is zeroed where
the counter is 0; and buffers that grow move away from the addresses that captured graphs hold.
"""

from __future__ import annotations

from deepstack_runner import Runner
from deepstack_steps import CUDA_GRAPH, INDEPENDENT, before, context, observe, profile, regions, runner
from deepstack_steps import serving_beyond_capacity as serving
from deepstack_stores import V3

__all__ = ["CUDA_GRAPH", "INDEPENDENT", "before", "build", "context", "observe", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(V3)
