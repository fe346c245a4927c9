"""Repaired: ``steadygraph.reference.deepstack``, with room for the largest padded step.

Every step says what it has before the decoder runs, so nothing of an aborted one is left; the rows stay until the last
micro-batch has read them, and the memory never moves.
"""

from __future__ import annotations

from deepstack_runner import MAX_PADDED, Runner
from deepstack_steps import CUDA_GRAPH, INDEPENDENT, before, context, observe, profile, regions, runner
from deepstack_steps import serving_beyond_capacity as serving
from deepstack_stores import Reference

__all__ = ["CUDA_GRAPH", "INDEPENDENT", "before", "build", "context", "observe", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(Reference, MAX_PADDED)
