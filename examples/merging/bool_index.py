"""Slow: the mask goes to the device, and what it selects has to be counted there while the host waits.

No dummy run merges anything: the time is in no profile.  Surplus rows raise, once the device has counted; a simulated
device counts nothing, so that step is left to the other cases.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from merging_model import Runner, on_the_device_of
from merging_steps import CUDA_GRAPH, DEVICE, context, observe, on_device, profile, regions, serving

__all__ = ["CUDA_GRAPH", "DEVICE", "build", "context", "observe", "profile", "regions", "serving"]


class OnTheDevice(Runner):
    """``inputs_embeds[mask] = rows`` runs nonzero on the device, and the host needs its size."""

    def merge(self, inputs_embeds: Tensor, mask: Tensor, rows: Sequence[Tensor], counts: Sequence[int]) -> None:
        inputs_embeds[on_the_device_of(inputs_embeds, mask)] = torch.cat(list(rows))


def build() -> Runner:
    return on_device(OnTheDevice())
