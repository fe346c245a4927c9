"""What keeps the deepstack features of one step between embedding and decoder: four versions of vLLM's, and a repair.

A step calls ``set`` when it embeds, then, for each micro-batch of padded rows, ``get``, the decoder, ``clear``; and
``end`` when all of it is over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from deepstack_model import IntermediateTensors
from steadygraph.reference.deepstack import DeepstackBuffers


class Store(ABC):
    """The features of a step."""

    @abstractmethod
    def __init__(self, levels: int, capacity: int, hidden: int) -> None:
        """Room for so many rows of each level."""

    @abstractmethod
    def set(self, payload: Tensor | None, inputs_embeds: Tensor) -> None:
        """Take ``[levels, n_s, hidden]``, or None if the step has no image; ``[n_s, hidden]`` are its embeddings."""

    @abstractmethod
    def get(self, inputs_embeds: Tensor, start: int | None) -> IntermediateTensors | None:
        """What the decoder receives for these padded rows, which begin at ``start`` if they are a micro-batch."""

    @abstractmethod
    def clear(self, num_tokens: int) -> None:
        """The decoder has run on so many padded rows."""

    @abstractmethod
    def end(self) -> None:
        """All micro-batches of the step are done."""

    @abstractmethod
    def captured(self) -> None:
        """CUDA graphs hold the addresses from now on."""

    @abstractmethod
    def restart(self) -> None:
        """As after start-up."""


class Buffers(Store):
    """Buffers ``[capacity, hidden]``, a counter of valid rows, and a payload that is written where it comes."""

    def __init__(self, levels: int, capacity: int, hidden: int) -> None:
        self.buffers = [torch.zeros(capacity, hidden) for _ in range(levels)]
        self.num_valid = 0

    def set(self, payload: Tensor | None, inputs_embeds: Tensor) -> None:
        if payload is None:
            return
        self.num_valid = payload.size(1)
        for buffer, rows in zip(self.buffers, payload, strict=True):
            buffer[: self.num_valid] = rows

    def rows(self, num_tokens: int) -> IntermediateTensors:
        return IntermediateTensors({f"deepstack_input_embeds_{i}": b[:num_tokens] for i, b in enumerate(self.buffers)})

    def clear(self, num_tokens: int) -> None:
        if self.num_valid > 0:
            self.zero(num_tokens)

    def end(self) -> None:
        """Nothing: each micro-batch clears."""

    def captured(self) -> None:
        """Nothing: the buffers are what they are."""

    def zero(self, num_tokens: int) -> None:
        for buffer in self.buffers:
            buffer[:num_tokens].zero_()
        self.num_valid = 0

    def restart(self) -> None:
        self.zero(self.buffers[0].size(0))


class V0(Buffers):
    """Before #40145: rows of the buffers in every step, zeroed after every step."""

    def get(self, inputs_embeds: Tensor, start: int | None) -> IntermediateTensors:
        return self.rows(inputs_embeds.size(0))

    def clear(self, num_tokens: int) -> None:
        self.zero(num_tokens)


class V1(Buffers):
    """#40145: None until a payload comes; valid rows are compared with padded ones."""

    def get(self, inputs_embeds: Tensor, start: int | None) -> IntermediateTensors | None:
        if self.num_valid == 0:
            return None
        self.check(inputs_embeds.size(0))
        return self.rows(inputs_embeds.size(0))

    def clear(self, num_tokens: int) -> None:
        if self.num_valid > 0:
            self.check(num_tokens)
        super().clear(num_tokens)

    def check(self, num_tokens: int) -> None:
        if num_tokens > self.num_valid:
            raise ValueError(
                f"Requested more deepstack tokens than available: num_tokens={num_tokens}, num_valid={self.num_valid}"
            )


class V2(Buffers):
    """#40932: None until a payload comes; padded rows are no error any more."""

    def get(self, inputs_embeds: Tensor, start: int | None) -> IntermediateTensors | None:
        return None if self.num_valid == 0 else self.rows(inputs_embeds.size(0))


class V3(Buffers):
    """#43617: rows of the buffers in every step; new, larger buffers for a step that is padded beyond them."""

    def get(self, inputs_embeds: Tensor, start: int | None) -> IntermediateTensors:
        num_tokens = inputs_embeds.size(0)
        missing = num_tokens - self.buffers[0].size(0)
        if missing > 0:
            self.buffers = [torch.nn.functional.pad(buffer, (0, 0, 0, missing)) for buffer in self.buffers]
        return self.rows(num_tokens)


class Reference(Store):
    """``steadygraph.reference.deepstack``; its capacity is the largest padded step."""

    def __init__(self, levels: int, capacity: int, hidden: int) -> None:
        self.buffers = DeepstackBuffers(levels, capacity, hidden)

    def set(self, payload: Tensor | None, inputs_embeds: Tensor) -> None:
        self.buffers.set(payload, inputs_embeds)

    def get(self, inputs_embeds: Tensor, start: int | None) -> IntermediateTensors:
        return IntermediateTensors(self.buffers.get(inputs_embeds, start))

    def clear(self, num_tokens: int) -> None:
        """Nothing: other micro-batches of the step may still come."""

    def end(self) -> None:
        self.buffers.clear()

    def captured(self) -> None:
        self.buffers.freeze()

    def restart(self) -> None:
        self.buffers.clear()
