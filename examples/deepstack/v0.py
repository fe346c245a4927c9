"""Before #40145: the decoder always gets rows of the buffers, so one graph serves all steps.

A step zeroes what it ran on, and only that: an aborted step leaves its rows to the next one.  A micro-batch gets the
first rows, whichever it is, and the one before has zeroed them.
"""

from __future__ import annotations

from deepstack_runner import Runner
from deepstack_steps import CUDA_GRAPH, INDEPENDENT, before, context, observe, profile, regions, runner, serving
from deepstack_stores import V0

__all__ = ["CUDA_GRAPH", "INDEPENDENT", "before", "build", "context", "observe", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(V0)
