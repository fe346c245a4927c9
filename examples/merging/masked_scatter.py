"""Without waiting, and without looking: masked_scatter takes the rows that it needs and leaves the rest.

The features behind the surplus land at the tokens of others.  It also spreads the mask over all columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from merging_model import Runner, on_the_device_of
from merging_steps import CUDA_GRAPH, DEVICE, context, observe, on_device, profile, regions
from merging_steps import serving_with_surplus as serving

__all__ = ["CUDA_GRAPH", "DEVICE", "build", "context", "observe", "profile", "regions", "serving"]


class Scattered(Runner):
    """``masked_scatter_`` reads rows in order until the mask is full."""

    def merge(self, inputs_embeds: Tensor, mask: Tensor, rows: Sequence[Tensor], counts: Sequence[int]) -> None:
        selected = on_the_device_of(inputs_embeds, mask)[:, None]
        inputs_embeds.masked_scatter_(selected, torch.cat(list(rows)))


def build() -> Runner:
    return on_device(Scattered())
