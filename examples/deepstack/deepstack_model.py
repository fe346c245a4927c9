"""A small multimodal model, put together the way vLLM runs Qwen3-VL.

A step has ``n_s`` scheduled tokens.  ``Runner.embed`` looks them up, puts the image's features in, and leaves those for
the first decoder layers in a store (``set``).  ``Runner.forward`` then takes them out (``get``) and runs the decoder,
the only compiled part, on ``n_p >= n_s`` padded tokens.  The cases in this folder differ in nothing but the store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

CAPACITY, HIDDEN, HEADS, LAYERS, LEVELS, VOCABULARY = 32, 64, 4, 4, 3, 128


class IntermediateTensors:
    """Named tensors in a plain object, as vLLM passes them: pytree does not look inside."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def __getitem__(self, key: str) -> Tensor:
        return self.tensors[key]

    def __len__(self) -> int:
        return len(self.tensors)


@dataclass
class Image:
    """Where an image stands among the scheduled tokens, and what the vision tower says about it."""

    rows: Tensor  # [k] int64, the tokens that stand for it
    features: Tensor  # [1 + LEVELS, k, HIDDEN]: for the embedding, then one for each deepstack level


class Store(ABC):
    """Keeps the deepstack features of one step between ``embed`` and ``forward``, in buffers that never move."""

    def __init__(self) -> None:
        self.buffers = [torch.zeros(CAPACITY, HIDDEN) for _ in range(LEVELS)]
        self.num_valid = 0

    def set(self, payload: Tensor) -> None:
        """Take ``[LEVELS, n_s, HIDDEN]``."""
        self.num_valid = payload.size(1)
        for buffer, rows in zip(self.buffers, payload, strict=True):
            buffer[: self.num_valid] = rows

    @abstractmethod
    def get(self, num_tokens: int) -> IntermediateTensors | None:
        """What the decoder receives for ``num_tokens`` padded tokens."""

    def rows(self, num_tokens: int) -> IntermediateTensors:
        return IntermediateTensors({f"deepstack_input_embeds_{i}": b[:num_tokens] for i, b in enumerate(self.buffers)})

    def clear(self, num_tokens: int) -> None:
        """Forget the payload: the step is over."""
        if self.num_valid > 0:
            for buffer in self.buffers:
                buffer[:num_tokens].zero_()
            self.num_valid = 0


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


class Runner(nn.Module):
    """One step: embed, decode, give the logits of the scheduled tokens."""

    inputs_embeds: Tensor
    positions: Tensor

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, HIDDEN)
        self.decoder = Decoder()
        self.lm_head = nn.Linear(HIDDEN, VOCABULARY, bias=False)
        self.store = store
        self.register_buffer("inputs_embeds", torch.zeros(CAPACITY, HIDDEN), persistent=False)
        self.register_buffer("positions", torch.arange(CAPACITY), persistent=False)

    def embed(self, token_ids: Tensor, image: Image | None) -> Tensor:
        embeds = self.embed_tokens(token_ids)
        if image is not None:
            embeds.index_copy_(0, image.rows, image.features[0])
            payload = embeds.new_zeros(LEVELS, len(token_ids), HIDDEN)
            self.store.set(payload.index_copy_(1, image.rows, image.features[1:]))
        return embeds

    def forward(self, token_ids: Tensor, num_padded: int, image: Image | None = None) -> Tensor:
        num_scheduled = len(token_ids)
        self.inputs_embeds[:num_scheduled] = self.embed(token_ids, image)
        inputs_embeds, positions = self.inputs_embeds[:num_padded], self.positions[:num_padded]
        deepstack = self.store.get(num_padded)
        mark_tokens_dynamic(inputs_embeds, positions, *(deepstack.tensors.values() if deepstack else ()))
        hidden = self.decoder(inputs_embeds, positions, deepstack_input_embeds=deepstack)
        self.store.clear(num_padded)
        return self.lm_head(hidden[:num_scheduled])


def mark_tokens_dynamic(*tensors: Tensor) -> None:
    """The number of tokens changes from step to step; vLLM's compile decorator marks the same inputs."""
    for tensor in tensors:
        torch._dynamo.mark_dynamic(tensor, 0)
