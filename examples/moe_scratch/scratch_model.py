"""A small mixture-of-experts decoder in the manner of vLLM's: dense parts are compiled, experts run in between.

Each token goes to the experts that it chose.  A prefill step sorts tokens by expert in memory of its own.  A decode
step, which is to be captured in a CUDA graph, has a scratch for that, allocated once and shared by all layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from scratch_states import Scratch

HIDDEN, LAYERS, EXPERTS, TOPK, VOCABULARY = 16, 2, 4, 2, 64
MAX_NUM_BATCHED_TOKENS = 32
#: Steps of up to so many padded tokens use the scratch.
MAX_DECODE_TOKENS = 16


class Dense(nn.Module):
    """The compiled part of a layer: each token sees the mean of all before it; then the router."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.norm = nn.Linear(HIDDEN, HIDDEN), nn.RMSNorm(HIDDEN)
        self.router = nn.Linear(HIDDEN, EXPERTS)

    def forward(self, h: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The new ``[n, HIDDEN]``; weights and ids ``[n, TOPK]`` of the experts that each token chose."""
        h = h + self.mix(h.cumsum(0) / (positions + 1)[:, None])
        weights, ids = self.router(self.norm(h)).softmax(-1).topk(TOPK, dim=-1)
        return h, weights, ids


class Experts(nn.Module):
    """One matrix for each expert."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(EXPERTS, HIDDEN, HIDDEN))

    def forward(self, h: Tensor, weights: Tensor, ids: Tensor, scratch: Scratch | None) -> Tensor:
        """What the chosen experts make of ``[n, HIDDEN]``, added up by weight."""
        if scratch is None:
            made = torch.einsum("nh,nkhd->nkd", h, self.weight[ids])
            return (made * weights[..., None]).sum(1)
        rows, expert, positions = scratch.permute(h, ids)
        made = torch.bmm(rows[:, None], self.weight[expert])[:, 0]
        return scratch.unpermute(made, positions, weights)


class Layer(nn.Module):
    """Dense part and experts."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.experts = Dense(), Experts()

    def forward(self, h: Tensor, positions: Tensor, scratch: Scratch | None) -> Tensor:
        h, weights, ids = self.dense(h, positions)
        return h + self.experts(h, weights, ids, scratch)


class Runner(nn.Module):
    """One step: embed, decode ``n_p >= n_s`` padded rows, give the logits of the scheduled tokens."""

    inputs_embeds: Tensor
    positions: Tensor

    def __init__(self, scratch: Scratch) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, HIDDEN)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.lm_head = nn.Linear(HIDDEN, VOCABULARY, bias=False)
        self.scratch = scratch
        self.register_buffer("inputs_embeds", torch.zeros(MAX_NUM_BATCHED_TOKENS, HIDDEN), persistent=False)
        self.register_buffer("positions", torch.arange(MAX_NUM_BATCHED_TOKENS), persistent=False)

    def forward(self, token_ids: Tensor, num_padded: int) -> Tensor:
        """A dummy run, of the profile or of a capture, has no tokens, and gets the logits of all rows."""
        num_scheduled = len(token_ids)
        self.inputs_embeds[:num_scheduled] = self.embed_tokens(token_ids)
        return self.lm_head(self.decode(num_padded)[: num_scheduled or num_padded])

    def decode(self, num_padded: int) -> Tensor:
        h, positions = self.inputs_embeds[:num_padded], self.positions[:num_padded]
        scratch = self.scratch if num_padded <= MAX_DECODE_TOKENS else None
        for layer in self.layers:
            for tensor in (h, positions):
                # The number of tokens changes from step to step; vLLM's compile decorator marks the same inputs.
                torch._dynamo.mark_dynamic(tensor, 0)
            h = layer(h, positions, scratch)
        return h
