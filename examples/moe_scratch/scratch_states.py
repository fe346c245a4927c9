"""Memory in which tokens are sorted by expert: two that keep the configured device, and a repair."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from steadygraph.reference.moe import PermuteScratch


class Scratch(ABC):
    """Room for ``max_tokens`` tokens that choose ``topk`` experts each."""

    @abstractmethod
    def permute(self, hidden_states: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rows sorted by expert, the expert of each row, and where each token and choice ``[n, topk]`` went."""

    @abstractmethod
    def unpermute(self, rows: Tensor, positions: Tensor, weights: Tensor) -> Tensor:
        """The sum over each token's rows, by weight."""


class Configured(Scratch):
    """Keeps ``torch.device("cuda")``, while what it allocates is on ``cuda:0``."""

    def __init__(self, max_tokens: int, topk: int, hidden: int, device: str) -> None:
        self.device, self.topk = torch.device(device), topk
        self.rows = torch.zeros(max_tokens * topk, hidden, device=self.device)

    def require_device(self, hidden_states: Tensor) -> None:
        assert hidden_states.device == self.device

    def permute(self, hidden_states: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.require_device(hidden_states)
        chosen = ids.flatten()
        order = chosen.argsort(stable=True)
        rows = torch.index_select(hidden_states, 0, order // self.topk, out=self.rows[: len(order)])
        return rows, chosen[order], order.argsort().view_as(ids)

    def unpermute(self, rows: Tensor, positions: Tensor, weights: Tensor) -> Tensor:
        return (rows[positions] * weights[..., None]).sum(1)


class Reallocating(Configured):
    """Where the comparison decides about an allocation: it allocates in every call, and nobody is told."""

    def require_device(self, hidden_states: Tensor) -> None:
        if self.rows.device != self.device:
            self.rows = torch.zeros_like(self.rows)


class Reference(Scratch):
    """``steadygraph.reference.moe``."""

    def __init__(self, max_tokens: int, topk: int, hidden: int, num_experts: int, device: str) -> None:
        self.scratch = PermuteScratch(max_tokens, topk, hidden, num_experts, dtype=torch.float32, device=device)

    def permute(self, hidden_states: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        permuted = self.scratch.permute(hidden_states, ids)
        row = torch.arange(permuted.rows.shape[0], device=hidden_states.device, dtype=torch.int32)
        return permuted.rows, torch.bucketize(row, permuted.expert_offsets[1:], right=True), permuted.positions

    def unpermute(self, rows: Tensor, positions: Tensor, weights: Tensor) -> Tensor:
        return self.scratch.unpermute(rows, positions, weights)
