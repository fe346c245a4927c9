"""What stands at the placeholder of a video after pruning: ids, embeddings, positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from steadygraph.reference.evs.placeholder import Placeholder
from steadygraph.reference.evs.retention import mask_of, retained_indices


class PrunedVideo(NamedTuple):
    """A video between encoder and decoder.

    Positions are no channels of the embeddings: bfloat16 has no 257, float16 no 2049.
    """

    #: ``[T * P]`` bool, which tokens survived: :func:`retention_mask`.
    mask: Tensor
    #: ``[L, V * (1 + levels)]`` in the dtype of the features: :meth:`FinalSequence.embeddings`.
    embeddings: Tensor
    #: ``[5, L]`` int64: :meth:`FinalSequence.positions`.
    positions: Tensor


def prune_video(
    placeholder: Placeholder, features: Tensor, rate: float, embed: Callable[[Tensor], Tensor]
) -> PrunedVideo:
    """Prune the features of a video and put them where its placeholder stands, without host synchronisation.

    Args:
        placeholder: The video's tokens.
        features: ``[T * P, V * (1 + levels)]`` from the vision encoder, row-major over (frame, row, column); V channels
            for the embedding, then V for each deepstack level; any floating dtype and device.
        rate: Pruning rate in ``[0, 1)``.
        embed: The text embedding: ``[M]`` int64 on the device of ``features`` to ``[M, V]`` there.

    Returns:
        Mask, embeddings and positions, all on the device of ``features``; ``L = placeholder.length(rate)``.

    Raises:
        ValueError: As :func:`retention_mask` and :meth:`FinalSequence.embeddings`.

    Source: efficient video sampling, https://arxiv.org/abs/2510.14624.
    """
    retained = retained_indices(features, placeholder.grid, placeholder.merge, rate)
    final = FinalSequence(placeholder, retained)
    return PrunedVideo(mask_of(retained, features.shape[0]), final.embeddings(features, embed), final.positions())


class FinalSequence:
    """Where each token of a pruned video stands.

    Everything is made on the device of ``retained``, without host synchronisation: L is known from sizes, and the text
    tokens reach the device through pinned memory.

    Args:
        placeholder: The video's tokens.
        retained: ``[K]`` int64, ascending: :func:`retained_indices` of this video.
    """

    def __init__(self, placeholder: Placeholder, retained: Tensor) -> None:
        self.placeholder = placeholder
        self.retained = retained
        #: L.
        self.length = placeholder.text_tokens + retained.shape[0]
        ids, preceding, heads = _text(placeholder)
        sent = _sent([*ids, *preceding, *heads], retained.device)
        # Text tokens in order: id, and how many frames have their video tokens before it.
        self._text_ids, self._preceding, self._heads = sent.split_with_sizes([len(ids), len(preceding), len(heads)])
        self._frame = retained // placeholder.tokens_per_frame
        self._text_order = torch.arange(len(ids), device=retained.device)
        self._text_rows = self._text_order + torch.searchsorted(self._frame, self._preceding)
        self._video_rows = torch.arange(retained.shape[0], device=retained.device) + self._heads[self._frame]

    def ids(self) -> Tensor:
        """Token ids, ``[L]`` int64: what ``placeholder.ids(kept_per_frame(mask))`` says on the host."""
        ids = self.retained.new_full((self.length,), self.placeholder.video)
        return ids.index_copy_(0, self._text_rows, self._text_ids)

    def positions(self) -> Tensor:
        """Positions relative to the start of the video.

        They are those of the sequence that was not pruned: where a token was left out, a hole stays.

        Returns:
            ``[5, L]`` int64: t, h and w, then 1 at each vision start, then 1 at each video token.
        """
        extent = max(self.placeholder.rows, self.placeholder.columns)
        text = self._text_order + extent * self._preceding
        opens = torch.zeros_like(text).index_fill_(0, self._heads - 1, 1)
        t = self._heads[self._frame] + extent * self._frame
        token = self.retained % self.placeholder.tokens_per_frame
        h, w = t + token // self.placeholder.columns, t + token % self.placeholder.columns
        found = self.retained.new_empty(5, self.length)
        found.index_copy_(1, self._text_rows, torch.stack((text, text, text, opens, torch.zeros_like(text))))
        return found.index_copy_(1, self._video_rows, torch.stack((t, h, w, torch.zeros_like(t), torch.ones_like(t))))

    def embeddings(self, features: Tensor, embed: Callable[[Tensor], Tensor]) -> Tensor:
        """Kept features at video tokens, the text embedding elsewhere; deepstack channels are 0 at text.

        Args:
            features: ``[T * P, V * (1 + levels)]``, on the device of ``retained``.
            embed: The text embedding: ``[M]`` int64 on that device to ``[M, V]`` there.

        Returns:
            ``[L, V * (1 + levels)]`` in the dtype of ``features``.

        Raises:
            ValueError: ``features`` does not have T * P rows, its channels are no multiple of V, or features, text
                embedding and ``retained`` are not on one device.
        """
        tokens = self.placeholder.frames * self.placeholder.tokens_per_frame
        if features.dim() != 2 or features.shape[0] != tokens:
            raise ValueError(f"features are {list(features.shape)}, the placeholder needs [{tokens}, V * (1 + levels)]")
        text = embed(self._text_ids)
        for name, tensor in (("features", features), ("the text embedding", text)):
            if tensor.device != self.retained.device:
                raise ValueError(f"{name} on {tensor.device}, retained indices on {self.retained.device}")
        width = text.shape[1]
        if features.shape[1] % width:
            raise ValueError(f"features have {features.shape[1]} channels, no multiple of the text embedding's {width}")
        found = features.new_zeros(self.length, features.shape[1])
        found[:, :width].index_copy_(0, self._text_rows, text.to(features.dtype))
        return found.index_copy_(0, self._video_rows, features.index_select(0, self.retained))


def _text(placeholder: Placeholder) -> tuple[list[int], list[int], list[int]]:
    """Ids of the text tokens; frames whose video tokens precede each; text tokens that precede each frame's."""
    ids: list[int] = []
    preceding: list[int] = []
    heads: list[int] = []
    for frame, timestamp in enumerate(placeholder.timestamps):
        ids += [*timestamp, placeholder.vision_start]
        heads.append(len(ids))
        ids.append(placeholder.vision_end)
        preceding += [frame] * (len(timestamp) + 1) + [frame + 1]
    return ids, preceding, heads


def _sent(values: list[int], device: torch.device) -> Tensor:
    """A list as int64 on the device.  A copy from memory that is not pinned would make the host wait for the device."""
    host = torch.tensor(values, device="cpu")
    return host.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else host.to(device)
