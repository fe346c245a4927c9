"""Broken: the ids of the placeholder are rebuilt from a list, on the CPU, and looked up where the weights are.

Start-up profiles one image, which needs no such ids: the first video crashes the server.
"""

from __future__ import annotations

import torch
from torch import Tensor

from evs_model import MERGE, RATE, Runner
from evs_steps import CUDA_GRAPH, DEVICE, VIDEO, context, on_device, profile, regions, serving
from steadygraph.reference.evs import FinalSequence, Placeholder, retained_indices

__all__ = ["CUDA_GRAPH", "DEVICE", "build", "context", "profile", "regions", "serving"]


class RebuiltOnTheHost(Runner):
    """Pruning is right; the index of the text embedding is where the list was."""

    def place(self, placeholder: Placeholder, features: Tensor) -> tuple[Tensor, Tensor]:
        final = FinalSequence(placeholder, retained_indices(features, placeholder.grid, MERGE, RATE))
        text = torch.tensor([token for token in placeholder.prompt_ids(RATE) if token != VIDEO])
        return final.embeddings(features, lambda _: self.embed_tokens(text)), final.positions()


def build() -> Runner:
    return on_device(RebuiltOnTheHost())
