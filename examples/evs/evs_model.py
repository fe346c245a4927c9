"""A small multimodal model, put together the way vLLM runs Qwen3-VL with efficient video sampling.

The vision tower gives each image or video token a feature for the embedding and one for each deepstack level.  A video
is pruned after the tower: ``Runner.place`` puts what is left of it where its placeholder stands, between the timestamps
of its frames.  The decoder is the only compiled part; it has a key-value cache, and runs on padded tokens.  The cases
in this folder differ in nothing but ``place``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from steadygraph.reference.evs import Media, Placeholder, chunk_positions

CAPACITY, HIDDEN, HEADS, LAYERS, LEVELS, VOCABULARY = 64, 32, 2, 3, 2, 128
CHANNELS, VISION, MERGE = 12, 16, 2
RATE = 0.5
#: Steps are padded to a multiple of this, and for each a CUDA graph is captured at start-up, the largest first.
BUCKET = 8
CAPTURE_SIZES = range(CAPACITY, 0, -BUCKET)


@dataclass
class Image:
    """One image of a request: where its tokens begin, and its patches ``[1, H, W, CHANNELS]``."""

    offset: int
    patches: Tensor


@dataclass
class Video:
    """One video of a request: where its placeholder begins, its tokens, and its patches ``[T, H, W, CHANNELS]``."""

    offset: int
    placeholder: Placeholder
    patches: Tensor


class VisionTower(nn.Module):
    """Patches to features: one merger for the embedding, one for each deepstack level."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.Linear(CHANNELS, VISION)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.RMSNorm(VISION), nn.Linear(VISION, VISION), nn.SiLU()) for _ in range(LEVELS)
        )
        self.mergers = nn.ModuleList(nn.Linear(MERGE * MERGE * VISION, HIDDEN) for _ in range(1 + LEVELS))

    def forward(self, patches: Tensor) -> Tensor:
        """``[T, H, W, CHANNELS]`` to ``[T * P, HIDDEN * (1 + LEVELS)]``, row-major over (frame, row, column)."""
        h = self.patch_embed(patches)
        levels = []
        for block, merger in zip(self.blocks, self.mergers[1:], strict=True):
            h = h + block(h)
            levels.append(merger(merged(h)))
        return torch.cat((self.mergers[0](merged(h)), *levels), dim=-1)


def merged(h: Tensor) -> Tensor:
    """``[T, H, W, D]`` to ``[T * P, MERGE * MERGE * D]``."""
    h = h.unflatten(2, (-1, MERGE)).unflatten(1, (-1, MERGE))  # [T, H / m, m, W / m, m, D]
    return h.transpose(2, 3).flatten(3).flatten(0, 2)


def rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Rotary position embedding of ``[n, heads, d]`` by ``[n, d / 2]``."""
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), dim=-1)


class Layer(nn.Module):
    """Attention over the cache and a feed-forward part, both with a residual connection."""

    keys: Tensor
    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.RMSNorm(HIDDEN), nn.RMSNorm(HIDDEN)
        self.qkv, self.out = nn.Linear(HIDDEN, 3 * HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.mlp = nn.Sequential(nn.Linear(HIDDEN, 2 * HIDDEN), nn.SiLU(), nn.Linear(2 * HIDDEN, HIDDEN))
        for name in ("keys", "values"):
            self.register_buffer(name, torch.zeros(CAPACITY + 1, HEADS, HIDDEN // HEADS), persistent=False)

    def forward(self, h: Tensor, angle: Tensor, slots: Tensor, visible: Tensor) -> Tensor:
        q, k, v = self.qkv(self.attention_norm(h)).unflatten(-1, (3, HEADS, HIDDEN // HEADS)).unbind(1)
        self.keys.index_copy_(0, slots, rotate(k, angle))
        self.values.index_copy_(0, slots, v)
        attended = nn.functional.scaled_dot_product_attention(
            *(t.transpose(0, 1) for t in (rotate(q, angle), self.keys, self.values)), attn_mask=visible
        )
        h = h + self.out(attended.transpose(0, 1).flatten(1))
        return h + self.mlp(self.mlp_norm(h))


class Decoder(nn.Module):
    """The compiled part."""

    frequencies: Tensor
    axis: Tensor
    places: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(HIDDEN)
        half = HIDDEN // HEADS // 2
        self.register_buffer("frequencies", 10_000.0 ** -(torch.arange(half) / half), persistent=False)
        # Which of t, h and w turns each pair of channels.
        self.register_buffer("axis", torch.arange(half) % 3, persistent=False)
        self.register_buffer("places", torch.arange(CAPACITY + 1), persistent=False)

    def forward(self, inputs_embeds: Tensor, positions: Tensor, slots: Tensor, deepstack: Tensor) -> Tensor:
        """``[n, HIDDEN]``, ``[3, n]``, ``[n]`` places in the cache, ``[n, LEVELS, HIDDEN]``."""
        angle = positions.index_select(0, self.axis).T * self.frequencies
        visible = self.places <= slots[:, None]
        h = inputs_embeds
        for level, layer in enumerate(self.layers):
            h = layer(h, angle, slots, visible)
            if level < LEVELS:
                h = h + deepstack[:, level]
        return self.norm(h)


class Runner(nn.Module, ABC):
    """One step of one request: embed, decode, give the logits of the scheduled tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, HIDDEN)
        self.visual = VisionTower()
        self.decoder = Decoder()
        self.lm_head = nn.Linear(HIDDEN, VOCABULARY, bias=False)

    @abstractmethod
    def place(self, placeholder: Placeholder, features: Tensor) -> tuple[Tensor, Tensor]:
        """``[L, HIDDEN * (1 + LEVELS)]`` and positions ``[5, L]`` of a video, pruned at ``RATE``."""

    def forward(
        self,
        token_ids: Tensor,
        inputs: Sequence[Image | Video] = (),
        start: int = 0,
        delta: int = 0,
        start_up: bool = False,
    ) -> Tensor:
        """Tokens ``[start, start + n)`` of a request.

        A prefill step gets all media that begin before its end, wherever the prompt is cut.  A decode step has their
        ``delta`` instead: position minus index.  At ``start_up`` a dummy run of every size follows.
        """
        logits = self.step(token_ids, inputs, start, delta)
        for size in CAPTURE_SIZES if start_up else ():
            wide = self.embed_tokens.weight.new_zeros(size, HIDDEN * (1 + LEVELS))
            self.decode(wide, torch.zeros(3, size, dtype=torch.int64, device=wide.device), 0)
        return logits

    def step(self, token_ids: Tensor, inputs: Sequence[Image | Video], start: int, delta: int) -> Tensor:
        """Logits of the scheduled tokens."""
        wide = nn.functional.pad(self.embed_tokens(token_ids), (0, HIDDEN * LEVELS))
        media = []
        for one in inputs:
            found, rows = self.encode(one)
            copy_overlap(wide, start, rows, found.offset)
            media.append(found)
        first = start + delta
        positions = chunk_positions(media, first, first + len(token_ids), wide.device)
        return self.decode(wide, positions, start)

    def encode(self, one: Image | Video) -> tuple[Media, Tensor]:
        """Where it stands, with its positions, and what stands there."""
        features = self.visual(one.patches)
        if isinstance(one, Image):
            return Media.image(one.offset, tuple(one.patches.shape[:3]), MERGE, features.device), features
        rows, positions = self.place(one.placeholder, features)
        return Media.video(one.offset, one.placeholder, RATE, positions), rows

    def decode(self, wide: Tensor, positions: Tensor, start: int) -> Tensor:
        """Run the decoder on padded tokens: ``[n, HIDDEN * (1 + LEVELS)]`` and ``[3, n]`` to ``[n, VOCABULARY]``."""
        n = len(wide)
        padding = -n % BUCKET
        # Rows of padding have a place of their own in the cache, behind all others.
        slots = torch.cat(
            (torch.arange(start, start + n, device=wide.device), self.decoder.places[-1:].expand(padding))
        )
        embeds, deepstack = nn.functional.pad(wide, (0, 0, 0, padding)).unflatten(1, (-1, HIDDEN)).split((1, LEVELS), 1)
        embeds, positions = embeds.squeeze(1), nn.functional.pad(positions, (0, padding))
        mark_tokens_dynamic((embeds, 0), (positions, 1), (slots, 0), (deepstack, 0))
        return self.lm_head(self.decoder(embeds, positions, slots, deepstack)[:n])


def copy_overlap(chunk: Tensor, start: int, rows: Tensor, offset: int) -> None:
    """Copy into the tokens from ``start`` what of the rows, which stand from ``offset``, falls among them."""
    first, last = max(start, offset), min(start + len(chunk), offset + len(rows))
    if first < last:
        chunk[first - start : last - start] = rows[first - offset : last - offset]


def mark_tokens_dynamic(*dimensions: tuple[Tensor, int]) -> None:
    """The number of tokens changes from step to step; vLLM's compile decorator marks the same inputs."""
    for tensor, dimension in dimensions:
        torch._dynamo.mark_dynamic(tensor, dimension)
