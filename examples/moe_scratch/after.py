"""Repaired: ``steadygraph.reference.moe`` takes its device from what it allocated."""

from __future__ import annotations

from scratch_model import EXPERTS, HIDDEN, MAX_DECODE_TOKENS, TOPK, Runner
from scratch_states import Reference
from scratch_steps import DEVICE, context, profile, regions, runner, serving

__all__ = ["DEVICE", "build", "context", "profile", "regions", "serving"]


def build() -> Runner:
    return runner(Reference(MAX_DECODE_TOKENS, TOPK, HIDDEN, EXPERTS, DEVICE))
