"""Broken: `cuda` is not `cuda:0`, and the scratch insists on the device that was configured.

The profile run is a prefill step, which does without the scratch: the first capture crashes the server.
"""

from __future__ import annotations

from scratch_model import HIDDEN, MAX_DECODE_TOKENS, TOPK, Runner
from scratch_states import Configured
from scratch_steps import DEVICE, context, profile, regions, runner, serving

__all__ = ["DEVICE", "build", "context", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(Configured(MAX_DECODE_TOKENS, TOPK, HIDDEN, DEVICE))
