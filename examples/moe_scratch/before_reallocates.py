"""Slow: `cuda` is not `cuda:0`, so that the scratch is allocated again in every call, silently.

A captured graph would go on using the memory of the call that was captured.
"""

from __future__ import annotations

from scratch_model import HIDDEN, MAX_DECODE_TOKENS, TOPK, Runner
from scratch_states import Reallocating
from scratch_steps import DEVICE, context, profile, regions, runner, serving

__all__ = ["DEVICE", "build", "context", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(Reallocating(MAX_DECODE_TOKENS, TOPK, HIDDEN, DEVICE))
