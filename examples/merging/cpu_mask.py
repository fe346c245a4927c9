"""Fast and checked: the mask stays on the host, which counts it there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from merging_model import Runner
from merging_steps import CUDA_GRAPH, DEVICE, context, observe, on_device, profile, regions
from merging_steps import serving_with_surplus as serving

__all__ = ["CUDA_GRAPH", "DEVICE", "build", "context", "observe", "profile", "regions", "serving"]


class OnTheHost(Runner):
    """A mask on the CPU becomes indices on the CPU, and only those go to the device (torch 2.9 and later)."""

    def merge(self, inputs_embeds: Tensor, mask: Tensor, rows: Sequence[Tensor], counts: Sequence[int]) -> None:
        merged = torch.cat(list(rows))
        if int(mask.sum()) != len(merged):
            raise ValueError(f"the mask selects {int(mask.sum())} tokens, {len(merged)} rows are given")
        inputs_embeds[mask] = merged


def build() -> Runner:
    return on_device(OnTheHost())
