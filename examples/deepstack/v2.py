"""#40932: as before, but a padded length is no error any more.

What raised is silent now: with guards dropped every image is answered without its features.
"""

from __future__ import annotations

from deepstack_runner import Runner
from deepstack_steps import CUDA_GRAPH, INDEPENDENT, before, context, observe, profile, regions, runner, serving
from deepstack_stores import V2

__all__ = ["CUDA_GRAPH", "INDEPENDENT", "before", "build", "context", "observe", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(V2)
