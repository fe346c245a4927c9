"""Repaired: ``steadygraph.reference.evs`` makes every index where the features are."""

from __future__ import annotations

from torch import Tensor

from evs_model import RATE, Runner
from evs_steps import CUDA_GRAPH, DEVICE, context, on_device, profile, regions, serving
from steadygraph.reference.evs import Placeholder, prune_video

__all__ = ["CUDA_GRAPH", "DEVICE", "build", "context", "profile", "regions", "serving"]


class OnTheDevice(Runner):
    """The reference, with the text embedding of the model."""

    def place(self, placeholder: Placeholder, features: Tensor) -> tuple[Tensor, Tensor]:
        video = prune_video(placeholder, features, RATE, self.embed_tokens)
        return video.embeddings, video.positions


def build() -> Runner:
    return on_device(OnTheDevice())
