"""transformers' own ``Qwen3VLTextModel``, small, with random weights: warmed up without visual features, then an image.

Needs the extra ``transformers``; reads no weights and no network.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from transformers import Qwen3VLTextConfig, Qwen3VLTextModel

Call = tuple[tuple[object, ...], dict[str, object]]

BATCH, HIDDEN, LAYERS, LEVELS = 2, 64, 4, 3

#: No cache is used: every call is a request of its own.
INDEPENDENT = True


def build() -> Qwen3VLTextModel:
    torch.manual_seed(0)
    config = Qwen3VLTextConfig(
        vocab_size=256,
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]},
    )
    return Qwen3VLTextModel(config).eval()


def call(length: int, *, with_image: bool = False) -> Call:
    """What ``Qwen3VLModel.forward`` hands to its text model; without an image both visual arguments are None."""
    generator = torch.Generator().manual_seed(length)
    embeds = torch.randn(BATCH, length, HIDDEN, generator=generator)
    mask, features = None, None
    if with_image:
        mask = torch.zeros(BATCH, length, dtype=torch.bool)
        mask[:, 3:11] = True
        features = list(torch.randn(LEVELS, int(mask.sum()), HIDDEN, generator=generator))
    return (), {
        "inputs_embeds": embeds,
        "position_ids": torch.arange(length).expand(3, BATCH, length).clone(),
        "visual_pos_masks": mask,
        "deepstack_visual_embeds": features,
        "use_cache": False,
    }


def profile() -> Call:
    return call(32)


def serving() -> dict[str, Call]:
    return {"text": call(21), "image": call(24, with_image=True)}


def mark(args: tuple[torch.Tensor, ...], kwargs: dict[str, torch.Tensor]) -> None:
    """The length of the sequence changes from request to request."""
    torch._dynamo.mark_dynamic(kwargs["inputs_embeds"], 1)
    torch._dynamo.mark_dynamic(kwargs["position_ids"], 2)


def context(name: str) -> AbstractContextManager[object]:
    return torch.no_grad()
