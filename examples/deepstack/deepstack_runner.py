"""One step after the other, put together the way vLLM runs Qwen3-VL.

A step has ``n_s`` scheduled tokens.  They are embedded, the features of images are put among them, and those for the
first decoder layers are left in a store.  The decoder then runs on ``n_p >= n_s`` padded rows: the next size for which
a CUDA graph is captured, or the largest step of all data-parallel ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from deepstack_model import HIDDEN, LEVELS, VOCABULARY, Decoder, IntermediateTensors, VisionTower
from deepstack_stores import Store

#: Tokens of the largest step, and what another rank may make of it.
MAX_NUM_BATCHED_TOKENS, MAX_PADDED = 32, 48
#: Padded steps for which a CUDA graph is captured at start-up, largest first.
CAPTURE_SIZES = (32, 16, 8)
#: The padded step that may run as two micro-batches, each with a graph on its own rows.
MICRO_BATCHED_SIZE = 16


@dataclass
class Image:
    """An image: where its tokens stand among the scheduled ones, and its patches ``[k, PATCH]``."""

    offset: int
    patches: Tensor


class StepAbortedError(Exception):
    """The request was given up between embedding and decoder."""


@dataclass
class StepResult:
    """Logits of the scheduled tokens; which of the features arrived where they belong."""

    logits: Tensor
    #: ``[levels, n_s, hidden]`` of a step with images.
    sent: Tensor | None = None
    #: What the decoder was given for the features, one block of padded rows for each micro-batch.
    received: list[Tensor] = field(default_factory=list)

    def lost_rows(self) -> Tensor:
        """Scheduled tokens whose features the decoder did not receive."""
        if self.sent is None or not self.received:
            return torch.empty(0, dtype=torch.int64)
        received = torch.cat(self.received, dim=1)[:, : self.sent.size(1)]
        return (self.sent != received).any(dim=2).any(dim=0).nonzero().flatten()


class Runner(nn.Module):
    """Vision tower, embedding, decoder, and a store between them."""

    inputs_embeds: Tensor
    positions: Tensor

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.visual = VisionTower()
        self.embed_tokens = nn.Embedding(VOCABULARY, HIDDEN)
        self.decoder = Decoder()
        self.lm_head = nn.Linear(HIDDEN, VOCABULARY, bias=False)
        self.store = store
        self.register_buffer("inputs_embeds", torch.zeros(MAX_PADDED, HIDDEN), persistent=False)
        self.register_buffer("positions", torch.arange(MAX_PADDED), persistent=False)

    def forward(
        self,
        token_ids: Tensor,
        num_padded: int,
        images: Sequence[Image] = (),
        *,
        micro_batches: int = 1,
        aborted: bool = False,
        start_up: bool = False,
    ) -> StepResult:
        if start_up:
            return self.start(num_padded, images)
        try:
            payload = self.embed(token_ids, images, aborted)
        except StepAbortedError:
            return StepResult(self.lm_head(self.inputs_embeds[:0]))
        hidden, received = self.decode(num_padded, micro_batches)
        return StepResult(self.lm_head(hidden[: len(token_ids)]), payload, received)

    def start(self, num_padded: int, images: Sequence[Image]) -> StepResult:
        """The profile run, which compiles, and the capture of every size: dummy runs, no token is embedded."""
        for image in images:
            self.visual(image.patches)
        hidden, _ = self.decode(num_padded)
        for size in CAPTURE_SIZES:
            self.decode(size)
        self.decode(MICRO_BATCHED_SIZE, micro_batches=2)
        self.store.captured()
        return StepResult(self.lm_head(hidden))

    def embed(self, token_ids: Tensor, images: Sequence[Image], aborted: bool) -> Tensor | None:
        embeds = self.embed_tokens(token_ids)
        payload = embeds.new_zeros(LEVELS, len(token_ids), HIDDEN)
        for image in images:
            place = slice(image.offset, image.offset + len(image.patches))
            features = self.visual(image.patches)
            embeds[place], payload[:, place] = features[0], features[1:]
        sent = payload if images else None
        self.store.set(sent, embeds)
        if aborted:
            raise StepAbortedError
        self.inputs_embeds[: len(token_ids)] = embeds
        return sent

    def decode(self, num_padded: int, micro_batches: int = 1) -> tuple[Tensor, list[Tensor]]:
        """Hidden states of all padded rows, and what the decoder received beside the embeddings."""
        hidden, received = [], []
        size = num_padded // micro_batches
        for start in range(0, num_padded, size):
            rows, positions = self.inputs_embeds[start : start + size], self.positions[start : start + size]
            deepstack = self.store.get(rows, start if micro_batches > 1 else None)
            received.append(copied(deepstack, rows))
            mark_tokens_dynamic(rows, positions, *(deepstack.tensors.values() if deepstack else ()))
            # A captured graph writes every result to the same memory.
            hidden.append(self.decoder(rows, positions, deepstack_input_embeds=deepstack).clone())
            self.store.clear(size)
        self.store.end()
        return torch.cat(hidden), received


def copied(deepstack: IntermediateTensors | None, rows: Tensor) -> Tensor:
    """``[levels, n, hidden]``; zeros for None, which adds nothing either."""
    if deepstack is None:
        return rows.new_zeros(LEVELS, *rows.shape)
    return torch.stack(list(deepstack.tensors.values()))


def mark_tokens_dynamic(*tensors: Tensor) -> None:
    """The number of tokens changes from step to step; vLLM's compile decorator marks the same inputs."""
    for tensor in tensors:
        torch._dynamo.mark_dynamic(tensor, 0)
