"""The parts of a small vision-language model in the manner of Qwen3-VL: a vision tower and a text decoder.

The tower gives each image token a feature for the embedding and one for each deepstack level, which is added after one
of the first decoder layers.  The decoder is the only compiled part.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HIDDEN, HEADS, LAYERS, LEVELS, VOCABULARY = 64, 4, 4, 3, 128
PATCH, VISION = 12, 16


class IntermediateTensors:
    """Named tensors in a plain object, as vLLM passes them: pytree does not look inside."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def __getitem__(self, key: str) -> Tensor:
        return self.tensors[key]

    def __len__(self) -> int:
        return len(self.tensors)


class VisionTower(nn.Module):
    """Patches to features: one merger for the embedding, and one behind each block for a deepstack level."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.Linear(PATCH, VISION)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.RMSNorm(VISION), nn.Linear(VISION, VISION), nn.SiLU()) for _ in range(LEVELS)
        )
        self.mergers = nn.ModuleList(nn.Linear(VISION, HIDDEN) for _ in range(1 + LEVELS))

    def forward(self, patches: Tensor) -> Tensor:
        """``[k, PATCH]`` to ``[1 + LEVELS, k, HIDDEN]``: for the embedding, then for each level."""
        h = self.patch_embed(patches)
        of_levels = []
        for block, merger in zip(self.blocks, self.mergers[1:], strict=True):
            h = h + block(h)
            of_levels.append(merger(h))
        return torch.stack([self.mergers[0](h), *of_levels])


def rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Rotary position embedding of ``[n, heads, d]`` by ``[n, d / 2]``."""
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), dim=-1)


class Layer(nn.Module):
    """Causal attention and a feed-forward part, both with a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.RMSNorm(HIDDEN), nn.RMSNorm(HIDDEN)
        self.qkv, self.out = nn.Linear(HIDDEN, 3 * HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.mlp = nn.Sequential(nn.Linear(HIDDEN, 2 * HIDDEN), nn.SiLU(), nn.Linear(2 * HIDDEN, HIDDEN))

    def forward(self, h: Tensor, angle: Tensor) -> Tensor:
        q, k, v = self.qkv(self.attention_norm(h)).unflatten(-1, (3, HEADS, HIDDEN // HEADS)).unbind(1)
        q, k = rotate(q, angle), rotate(k, angle)
        attended = nn.functional.scaled_dot_product_attention(
            q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), is_causal=True
        )
        h = h + self.out(attended.transpose(0, 1).flatten(1))
        return h + self.mlp(self.mlp_norm(h))


class Decoder(nn.Module):
    """The compiled part."""

    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(HIDDEN)
        half = HIDDEN // HEADS // 2
        self.register_buffer("frequencies", 10_000.0 ** -(torch.arange(half) / half), persistent=False)

    def forward(
        self, inputs_embeds: Tensor, positions: Tensor, deepstack_input_embeds: IntermediateTensors | None = None
    ) -> Tensor:
        angle = positions[:, None] * self.frequencies
        h = inputs_embeds
        for i, layer in enumerate(self.layers):
            h = layer(h, angle)
            if deepstack_input_embeds is not None and i < len(deepstack_input_embeds):
                h = h + deepstack_input_embeds[f"deepstack_input_embeds_{i}"]
        return self.norm(h)
