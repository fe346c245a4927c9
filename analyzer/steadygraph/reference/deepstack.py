"""Deepstack features of one step, kept between the vision side that makes them and the decoder that adds them.

A vision-language model feeds features of several vision layers into its first decoder layers: after layer l, the rows
of level l are added to the hidden states.  They are made outside of the compiled decoder, which may have been compiled,
or captured in a CUDA graph, before the first image came.  So the decoder gets the same structure in every step, from
memory that stays where it is, and zeros where there is no image.

    step:    set(payload or None, embeddings of the scheduled tokens)
             get(embeddings of the padded tokens) -> {"deepstack_input_embeds_0": [n_p, H], ...}
             clear()
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor


class Levels(Protocol):
    """What :meth:`DeepstackBuffers.get` returns; vLLM's ``IntermediateTensors`` around it is one too."""

    def __getitem__(self, key: str, /) -> Tensor: ...

    def __len__(self) -> int: ...


class DeepstackBuffers:
    """Rows of features for the first decoder layers, one buffer ``[capacity, H]`` for each level.

    Nothing is allocated before the first step: its ``inputs_embeds`` tell device and dtype, wherever and under whatever
    default this object was made.  Then all levels are one block of memory, zeroed.  The block is replaced, by a larger
    one or by one on another device, until :meth:`freeze`; after that it never moves.

    Every step begins with :meth:`set`, also one without an image: that is what makes it independent of a step that was
    aborted before its :meth:`clear`.  :meth:`step` does both ends by itself.  Nothing here waits for the device, and
    no gradient flows through the buffers.

    Args:
        levels: Number of decoder layers that get features, at least 1.
        capacity: Tokens of the largest padded step (``max_num_batched_tokens``), at least 1.
        hidden_size: Width H of one level, that of the decoder.

    Raises:
        ValueError: one of them is below 1.

    Source: DeepStack, https://arxiv.org/abs/2406.04334; buffers as in https://github.com/vllm-project/vllm/pull/43617,
    with aborted steps, micro-batches and growth made safe.
    """

    def __init__(self, levels: int, capacity: int, hidden_size: int) -> None:
        for name, value in (("levels", levels), ("capacity", capacity), ("hidden_size", hidden_size)):
            if value < 1:
                raise ValueError(f"{name} is {value}, and must be at least 1")
        self.levels = levels
        self.hidden_size = hidden_size
        self._capacity = capacity
        self._memory: Tensor | None = None  # [levels, capacity, hidden_size]
        self._frozen = False
        self._num_valid = 0
        self._num_scheduled = 0

    @property
    def capacity(self) -> int:
        """Tokens that fit without moving the memory."""
        return self._capacity

    @property
    def num_valid(self) -> int:
        """Rows that hold a payload; 0 between steps."""
        return self._num_valid

    @torch.no_grad()
    def set(self, payload: Tensor | None, inputs_embeds: Tensor) -> None:
        """Begin a step: forget what an earlier one left, keep ``payload`` for the decoder.

        Args:
            payload: ``[levels, k, H]`` for the first k <= n_s scheduled tokens, zeros where a token is text; dtype and
                device of ``inputs_embeds``.  None: no image in this step.
            inputs_embeds: ``[n_s, H]``, the embeddings of the scheduled tokens; shape, dtype and device are read.

        Raises:
            ValueError: payload and embeddings do not fit each other or these buffers, or fitting them would move
                memory that must not move.  Nothing has changed then.
        """
        _require_width(inputs_embeds, self.hidden_size)
        if payload is not None:
            self._require_payload(payload, inputs_embeds)
        num_scheduled = inputs_embeds.shape[0]
        num_valid = 0 if payload is None else payload.shape[1]
        memory = self._memory_for(inputs_embeds, num_scheduled)
        if self._num_valid > num_valid:
            memory[:, num_valid : self._num_valid].zero_()
        self._num_valid, self._num_scheduled = num_valid, num_scheduled
        if payload is not None:
            memory[:, :num_valid].copy_(payload)

    def get(self, inputs_embeds: Tensor, start: int | None = None) -> dict[str, Tensor]:
        """What the decoder adds in this step, or in one micro-batch of it.

        Reads no state that changes from step to step, so that it may also stand inside of a compiled region, once a
        step has run outside of it.  There, sizes are not compared with the step's, and ``start`` should be left out:
        a graph that was compiled for one may serve no other once guards are dropped.

        Args:
            inputs_embeds: ``[n, H]``, what the decoder runs on, padding included; shape, dtype and device are read.
            start: None if these are all tokens of the step, n_p >= n_s of them.  For a micro-batch, its first token's
                place among the step's padded tokens.

        Returns:
            A new dict of exactly ``levels`` views ``[n, H]``, under the keys ``deepstack_input_embeds_{level}``, in the
            dtype and on the device of ``inputs_embeds``: the payload's rows, and zeros in all others.  They hold until
            :meth:`clear`.

        Raises:
            ValueError: fewer tokens than were scheduled; embeddings that do not fit; memory would have to move that
                must not.  Nothing has changed then.
        """
        first = 0 if start is None else start
        stop = first + inputs_embeds.shape[0]
        if not torch.compiler.is_compiling():
            self._require_step(inputs_embeds, start)
        rows = self._memory_for(inputs_embeds, stop)[:, first:stop]
        return {level_key(level): of_level for level, of_level in enumerate(rows.unbind(0))}

    @torch.no_grad()
    def clear(self) -> None:
        """End the step: all rows are zero again.  Once for a step, after the last of its micro-batches."""
        if self._memory is not None and self._num_valid:
            self._memory[:, : self._num_valid].zero_()
        self._num_valid = 0
        self._num_scheduled = 0

    @contextmanager
    def step(self) -> Iterator[None]:
        """A block that is one step, or a dummy run: it starts and leaves the buffers cleared, also by an exception."""
        self.clear()
        try:
            yield
        finally:
            self.clear()

    def freeze(self) -> None:
        """From now on the memory must not move: call it before graphs are captured.

        The capture of a CUDA graph in which :meth:`get` is called does so by itself.

        Raises:
            ValueError: no step has run yet, so that there is no memory to keep in place.
        """
        if self._memory is None:
            raise ValueError("nothing is allocated yet: run one step (set or get) before freeze()")
        self._frozen = True

    def _memory_for(self, consumer: Tensor, num_rows: int) -> Tensor:
        """Memory with room for so many rows, of the kind of ``consumer``: what there is, or new one if it may move."""
        capturing = _is_capturing(consumer.device)
        if self._memory is not None and num_rows <= self._capacity and _is_like(self._memory, consumer):
            if capturing:
                self._frozen = True
            return self._memory
        if self._frozen or capturing or torch.compiler.is_compiling():
            raise ValueError(self._why_fixed(consumer, num_rows))
        return self._move(consumer, num_rows)

    def _move(self, consumer: Tensor, num_rows: int) -> Tensor:
        """Allocate; the payload goes along as long as its kind stays the same."""
        capacity = max(self._capacity, num_rows)
        # Memory made under inference_mode could not be written to outside of it.
        with torch.inference_mode(False), torch.no_grad():
            memory = consumer.new_zeros(self.levels, capacity, self.hidden_size)
            if self._num_valid and self._memory is not None and _is_like(self._memory, consumer):
                memory[:, : self._num_valid].copy_(self._memory[:, : self._num_valid])
        self._memory, self._capacity = memory, capacity
        return memory

    def _why_fixed(self, consumer: Tensor, num_rows: int) -> str:
        if self._memory is None:
            return "nothing is allocated yet: run one step (set or get) before compiling or capturing get()"
        if num_rows > self._capacity:
            return (
                f"{num_rows} tokens exceed the capacity of {self._capacity}, and graphs hold the addresses of the "
                f"buffers: configure a capacity of at least {num_rows}"
            )
        return (
            f"inputs_embeds are {_shown(consumer)}, the buffers are {_shown(self._memory)}, and graphs hold their "
            "addresses: run a step with embeddings as serving has them before graphs are captured"
        )

    def _require_payload(self, payload: Tensor, inputs_embeds: Tensor) -> None:
        if payload.dim() != 3:
            raise ValueError(f"the payload has {payload.dim()} dimensions, not the 3 of [levels, tokens, H]")
        levels, num_rows, width = payload.shape
        if levels != self.levels:
            raise ValueError(f"the payload has {levels} levels, the buffers have {self.levels}")
        if width != self.hidden_size:
            raise ValueError(f"the payload is {width} wide, the buffers are {self.hidden_size} wide")
        if num_rows > inputs_embeds.shape[0]:
            raise ValueError(f"the payload has {num_rows} rows, {inputs_embeds.shape[0]} tokens are scheduled")
        if not _is_like(payload, inputs_embeds):
            raise ValueError(f"the payload is {_shown(payload)}, inputs_embeds are {_shown(inputs_embeds)}")

    def _require_step(self, inputs_embeds: Tensor, start: int | None) -> None:
        _require_width(inputs_embeds, self.hidden_size)
        num_tokens = inputs_embeds.shape[0]
        if start is None and num_tokens < self._num_scheduled:
            raise ValueError(
                f"{num_tokens} padded tokens are fewer than the {self._num_scheduled} that set() was told are scheduled"
            )
        if start is not None and start < 0:
            raise ValueError(f"a micro-batch starts at row {start}, and the first row is 0")
        if self._num_valid and self._memory is not None and not _is_like(self._memory, inputs_embeds):
            raise ValueError(f"inputs_embeds are {_shown(inputs_embeds)}, the payload is {_shown(self._memory)}")


def level_key(level: int) -> str:
    """The name under which the decoder finds a level: ``deepstack_input_embeds_0`` for the first."""
    return f"deepstack_input_embeds_{level}"


def add_level(hidden_states: Tensor, deepstack: Levels, layer: int) -> Tensor:
    """Add the features of a decoder layer to its output; call it after every layer.

    How many levels there are is part of the structure, not of a step: one graph serves text and images.

    Args:
        hidden_states: ``[..., n, H]``, output of decoder layer ``layer``.
        deepstack: What :meth:`DeepstackBuffers.get` returned for these n tokens.
        layer: Index of the layer, from 0.  Layers beyond the levels get nothing.

    Returns:
        A tensor of the same shape; ``hidden_states`` itself beyond the levels.

    Raises:
        ValueError: the level's rows are not as many as those of ``hidden_states``.
    """
    if layer >= len(deepstack):
        return hidden_states
    rows = deepstack[level_key(layer)]
    if rows.shape != hidden_states.shape[-2:]:
        raise ValueError(
            f"level {layer} has shape {list(rows.shape)}, the hidden states have {list(hidden_states.shape)}"
        )
    return hidden_states + rows


def _is_like(tensor: Tensor, other: Tensor) -> bool:
    """Same dtype, same device; the device of a tensor has its index: ``cuda:0``, never ``cuda``."""
    return tensor.dtype == other.dtype and tensor.device == other.device


def _is_capturing(device: torch.device) -> bool:
    if torch.compiler.is_compiling() or device.type != "cuda":
        return False
    return torch.cuda.is_current_stream_capturing()


def _require_width(inputs_embeds: Tensor, hidden_size: int) -> None:
    if inputs_embeds.dim() != 2 or inputs_embeds.shape[1] != hidden_size:
        raise ValueError(f"inputs_embeds have shape {list(inputs_embeds.shape)}, the buffers take [n, {hidden_size}]")


def _shown(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} on {tensor.device}"
