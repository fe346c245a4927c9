"""Rows of tokens sorted by expert and back, in memory that stays where it is.

A mixture-of-experts layer runs each expert on the tokens that chose it.  ``permute`` puts those tokens side by side,
``unpermute`` adds up what the experts made of them.  All of it happens in buffers that are allocated once, so that a
captured CUDA graph of it stays valid.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Permuted(NamedTuple):
    """Tokens sorted by expert: views of the scratch, valid until its next ``permute``."""

    rows: Tensor
    """``[n * topk, H]``: those of expert 0 first; of one expert in the order of tokens."""
    expert_offsets: Tensor
    """``[num_experts + 1]`` int32: expert e has the rows from ``expert_offsets[e]`` to ``expert_offsets[e + 1]``."""
    positions: Tensor
    """``[n, topk]`` int64: the row of each token and choice."""


class PermuteScratch:
    """Memory of ``permute`` and ``unpermute`` for up to ``max_tokens`` tokens, allocated here and never again.

    One scratch serves one layer after another on one stream.  Nothing waits for the device.  Operators may use
    workspace of their own while they run; what they read and write is the scratch's, at the same address each time.
    Beside the rows it takes ``num_experts * max_tokens * topk`` int32 for sorting.  Inference only: operators that
    write to given memory have no gradient.

    Args:
        max_tokens: Tokens of the largest call, padding included, at least 1.
        topk: Experts that a token chooses.
        hidden_size: Width H of a row.
        num_experts: Number of experts.
        dtype: Floating dtype of rows and results.  Sums are made in float32, those of float64 in float64.
        device: Where to allocate; ``cuda`` is the current CUDA device, and :attr:`device` says which one that was.

    Raises:
        ValueError: a number is below 1.

    Source: https://github.com/vllm-project/vllm/pull/44005 for the device; rows are sorted by counting.
    """

    def __init__(
        self,
        max_tokens: int,
        topk: int,
        hidden_size: int,
        num_experts: int,
        *,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        sizes = {"max_tokens": max_tokens, "topk": topk, "hidden_size": hidden_size, "num_experts": num_experts}
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} is {value}, and must be at least 1")
        self.max_tokens, self.topk, self.hidden_size, self.num_experts = sizes.values()
        # Memory made under inference_mode could not be written to outside of it.
        with torch.inference_mode(False), torch.no_grad():
            self._allocate(dtype, device)

    def _allocate(self, dtype: torch.dtype, device: torch.device | str) -> None:
        pairs, wide = self.max_tokens * self.topk, torch.promote_types(dtype, torch.float32)
        self._rows = torch.zeros(pairs, self.hidden_size, dtype=dtype, device=device)
        self._offsets = torch.zeros(self.num_experts + 1, dtype=torch.int32, device=device)
        self._before = torch.zeros(self.num_experts * pairs + 1, dtype=torch.int32, device=device)
        self._places = torch.zeros(pairs, dtype=torch.int32, device=device)
        self._pair = torch.arange(pairs, device=device)
        self._token_of_pair = self._pair // self.topk
        self._cell_of_pair, self._positions, self._tokens, self._choices = torch.zeros(
            4, pairs, dtype=torch.int64, device=device
        ).unbind(0)
        self._weights = torch.zeros(pairs, dtype=wide, device=device)
        self._gathered, self._out = torch.zeros(
            2, self.max_tokens, self.hidden_size, dtype=dtype, device=device
        ).unbind(0)
        self._wide, self._sum = torch.zeros(2, self.max_tokens, self.hidden_size, dtype=wide, device=device).unbind(0)

    @property
    def device(self) -> torch.device:
        """Where the buffers are: ``cuda:0``, also if the scratch was made for ``cuda``."""
        return self._rows.device

    @property
    def dtype(self) -> torch.dtype:
        """Of rows and results."""
        return self._rows.dtype

    def permute(self, hidden_states: Tensor, topk_ids: Tensor) -> Permuted:
        """Put the tokens of each expert side by side.

        Args:
            hidden_states: ``[n, H]`` in dtype and on device of the scratch, n <= ``max_tokens``.
            topk_ids: ``[n, topk]`` integers in ``[0, num_experts)``: the experts that each token chose.  Being values
                on a device they are not checked; on the CPU an index error tells.

        Returns:
            Views of the scratch, see :class:`Permuted`.

        Raises:
            ValueError: something does not fit the scratch; everything that differs is named.
        """
        self._require_fit(hidden_states, {"hidden_states": hidden_states, "topk_ids": topk_ids}, topk_ids.shape)
        n, topk = hidden_states.shape[0], self.topk
        if topk_ids.shape[0] != n:
            raise ValueError(f"topk_ids are for {topk_ids.shape[0]} tokens, hidden_states are {n}")
        if topk_ids.is_floating_point():
            raise ValueError(f"topk_ids are {_name(topk_ids.dtype)}, not integers")
        pairs = n * topk
        positions = self._positions[:pairs]
        if pairs == 0:
            return Permuted(self._rows[:0], self._offsets.zero_(), positions.view(n, topk))
        # Counting sort: one cell for each expert and pair of token and choice, expert by expert, 1 where the pair chose
        # the expert.  The sum of all cells before a pair's own is its place; that before an expert's, its offset.
        chosen = self._choices[:pairs]
        chosen.view(n, topk).copy_(topk_ids)
        cell = torch.add(self._pair[:pairs], chosen, alpha=pairs, out=self._cell_of_pair[:pairs])
        before = self._before[: self.num_experts * pairs + 1].zero_()
        before[1:].scatter_(0, cell, 1)
        before.cumsum_(0)
        self._offsets.copy_(before[::pairs])
        positions.copy_(torch.index_select(before, 0, cell, out=self._places[:pairs]))
        tokens = self._tokens[:pairs].scatter_(0, positions, self._token_of_pair[:pairs])
        rows = torch.index_select(hidden_states, 0, tokens, out=self._rows[:pairs])
        return Permuted(rows, self._offsets, positions.view(n, topk))

    def unpermute(self, expert_rows: Tensor, positions: Tensor, topk_weights: Tensor) -> Tensor:
        """Add up, for each token, what its experts made of it, times their weights.

        Args:
            expert_rows: ``[m, H]``, m >= n * topk, in dtype and on device of the scratch: what the experts made of
                :attr:`Permuted.rows`, in the same order.  Rows beyond n * topk are not read.
            positions: ``[n, topk]`` int64, :attr:`Permuted.positions`.
            topk_weights: ``[n, topk]``, any floating dtype.

        Returns:
            ``[n, H]`` in dtype of the scratch: a view of it, valid until its next ``unpermute``.

        Raises:
            ValueError: something does not fit the scratch; everything that differs is named.
        """
        tensors = {"expert_rows": expert_rows, "positions": positions, "topk_weights": topk_weights}
        self._require_fit(expert_rows, tensors, positions.shape)
        n, topk = positions.shape
        if topk_weights.shape != positions.shape:
            raise ValueError(f"topk_weights have shape {list(topk_weights.shape)}, positions {list(positions.shape)}")
        if expert_rows.shape[0] < n * topk:
            raise ValueError(
                f"there are {expert_rows.shape[0]} expert_rows, {n} tokens of {topk} choices have {n * topk}"
            )
        weights = self._weights[: n * topk].view(n, topk).copy_(topk_weights)
        total = self._sum[:n].zero_()
        for choice in range(topk):
            places = self._choices[:n].copy_(positions[:, choice])
            gathered = torch.index_select(expert_rows, 0, places, out=self._gathered[:n])
            total.addcmul_(self._wide[:n].copy_(gathered), weights[:, choice : choice + 1])
        return self._out[:n].copy_(total)

    def _require_fit(self, rows: Tensor, tensors: dict[str, Tensor], choices: torch.Size) -> None:
        """ValueError with everything in which a call differs from what the scratch was made for.

        The devices of tensors are compared, which have an index, never the one that somebody configured.
        """
        if rows.dim() != 2 or len(choices) != 2:
            raise ValueError(
                f"rows of shape {list(rows.shape)} and choices of shape {list(choices)}, both need 2 sizes"
            )
        facts = (
            ("top-k", choices[1], self.topk),
            ("hidden size", rows.shape[1], self.hidden_size),
            ("dtype", _name(rows.dtype), _name(self.dtype)),
            *((f"device of {name}", tensor.device, self.device) for name, tensor in tensors.items()),
        )
        found = [f"{what} {given}, made for {own}" for what, given, own in facts if given != own]
        if choices[0] > self.max_tokens:
            found.insert(0, f"{choices[0]} tokens, room for {self.max_tokens}")
        if found:
            raise ValueError(f"the scratch does not fit: {'; '.join(found)}")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
