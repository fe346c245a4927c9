"""A small vision-language model in which features of images take the place of placeholder tokens.

The scheduler knows, on the host, which tokens are placeholders.  ``Runner.merge`` puts the features of the vision tower
there; the cases in this folder differ in nothing else.  The decoder is the only compiled part, and start-up runs it on
embeddings of nothing: no dummy run ever merges a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

HIDDEN, LAYERS, VOCABULARY, PATCH = 32, 2, 128, 12
MAX_NUM_BATCHED_TOKENS = 32
#: Padded steps for which a CUDA graph is captured at start-up, largest first.
CAPTURE_SIZES = (32, 16, 8)


@dataclass
class Image:
    """An image: the place and the number of its placeholder tokens, and its patches ``[k, PATCH]``."""

    offset: int
    num_tokens: int
    patches: Tensor


@dataclass
class StepResult:
    """Logits of the scheduled tokens, none if the step was refused; how many rows there were for how many tokens."""

    logits: Tensor
    num_rows: int = 0
    num_tokens: int = 0


class Layer(nn.Module):
    """Each token sees the mean of all before it, and a feed-forward part: both with a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.norm = nn.Linear(HIDDEN, HIDDEN), nn.RMSNorm(HIDDEN)
        self.mlp = nn.Sequential(nn.Linear(HIDDEN, 2 * HIDDEN), nn.SiLU(), nn.Linear(2 * HIDDEN, HIDDEN))

    def forward(self, h: Tensor, positions: Tensor) -> Tensor:
        h = h + self.mix(h.cumsum(0) / (positions + 1)[:, None])
        return h + self.mlp(self.norm(h))


class Decoder(nn.Module):
    """The compiled part."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, inputs_embeds: Tensor, positions: Tensor) -> Tensor:
        for layer in self.layers:
            inputs_embeds = layer(inputs_embeds, positions)
        return inputs_embeds


class Runner(nn.Module, ABC):
    """Vision tower, embedding, merging, decoder."""

    inputs_embeds: Tensor
    positions: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(PATCH, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN))
        self.embed_tokens = nn.Embedding(VOCABULARY, HIDDEN)
        self.decoder = Decoder()
        self.lm_head = nn.Linear(HIDDEN, VOCABULARY, bias=False)
        self.register_buffer("inputs_embeds", torch.zeros(MAX_NUM_BATCHED_TOKENS, HIDDEN), persistent=False)
        self.register_buffer("positions", torch.arange(MAX_NUM_BATCHED_TOKENS), persistent=False)

    @abstractmethod
    def merge(self, inputs_embeds: Tensor, mask: Tensor, rows: Sequence[Tensor], counts: Sequence[int]) -> None:
        """Put rows in the place of placeholder tokens.

        Args:
            inputs_embeds: ``[n_s, HIDDEN]`` on the device; changed in place.
            mask: ``[n_s]`` bool on the host: which tokens are placeholders.
            rows: One ``[k_i, HIDDEN]`` for each image, on the device.
            counts: How many placeholder tokens each image has.

        Raises:
            ValueError: there are more or fewer rows than placeholder tokens.
        """

    def forward(
        self, token_ids: Tensor, num_padded: int, images: Sequence[Image], *, start_up: bool = False
    ) -> StepResult:
        if start_up:
            return self.start(num_padded, images)
        rows, counts = [self.visual(image.patches) for image in images], [image.num_tokens for image in images]
        num_rows, num_tokens = sum(map(len, rows)), sum(counts)
        try:
            self.embed(token_ids, images, rows, counts)
        except ValueError:
            return StepResult(self.lm_head(self.inputs_embeds[:0]), num_rows, num_tokens)
        return StepResult(self.lm_head(self.decode(num_padded)[: len(token_ids)]), num_rows, num_tokens)

    def start(self, num_padded: int, images: Sequence[Image]) -> StepResult:
        """The profile run, which compiles, and the capture of every size: dummy runs, no token is embedded."""
        for image in images:
            self.visual(image.patches)
        hidden = self.decode(num_padded)
        for size in CAPTURE_SIZES:
            self.decode(size)
        return StepResult(self.lm_head(hidden))

    def embed(self, token_ids: Tensor, images: Sequence[Image], rows: Sequence[Tensor], counts: Sequence[int]) -> None:
        embeds = self.embed_tokens(token_ids)
        if images:
            mask = torch.zeros(len(token_ids), dtype=torch.bool)
            for image in images:
                mask[image.offset : image.offset + image.num_tokens] = True
            self.merge(embeds, mask, rows, counts)
        self.inputs_embeds[: len(token_ids)] = embeds

    def decode(self, num_padded: int) -> Tensor:
        rows, positions = self.inputs_embeds[:num_padded], self.positions[:num_padded]
        for tensor in (rows, positions):
            # The number of tokens changes from step to step; vLLM's compile decorator marks the same inputs.
            torch._dynamo.mark_dynamic(tensor, 0)
        return self.decoder(rows, positions)


def on_the_device_of(tensor: Tensor, mask: Tensor) -> Tensor:
    """The mask, copied without waiting: from memory that is not pinned, the host would wait."""
    return mask.pin_memory().to(tensor.device, non_blocking=True) if tensor.is_cuda else mask
