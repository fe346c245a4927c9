"""#40145: ``None`` until an image comes, and an error where a padded length exceeds the valid rows.

Start-up has no image: the decoder is compiled without the features, and with guards dropped it stays so.  The first
image in a padded step raises, and every step after it, since the count of valid rows stays.
"""

from __future__ import annotations

from deepstack_runner import Runner
from deepstack_steps import CUDA_GRAPH, INDEPENDENT, before, context, observe, profile, regions, runner, serving
from deepstack_stores import V1

__all__ = ["CUDA_GRAPH", "INDEPENDENT", "before", "build", "context", "observe", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(V1)
