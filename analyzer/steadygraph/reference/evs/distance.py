"""How much each video token differs from the one at its place in the frame before."""

from __future__ import annotations

import torch
from torch import Tensor

#: Elements that are worked on at a time: 8 MiB in bfloat16, where a long video has 800.  On a CPU they stay in its
#: cache, which takes a third of the time that chunks of 2**24 take.
CHUNK = 2**22

#: The norm below which a token counts as zero.  1e-8 rounds to 0 in float16; this is the smallest number above it.
_EPS = {torch.float16: 2.0**-24}
_DEFAULT_EPS = 1e-8


def distance(embeddings: Tensor, frames: int) -> Tensor:
    """``1 - cos(E[t, i], E[t - 1, i])`` for each frame t but the first, bit for bit ``1 - F.cosine_similarity``.

    A frame is scaled to unit length once, not once for each of its two neighbours, and no temporary is larger than a
    chunk of frames.

    Args:
        embeddings: ``[T * P, D]``, row-major over (frame, token); any floating dtype and device.
        frames: T.

    Returns:
        ``[(T - 1) * P]`` in the dtype of ``embeddings``; NaN where a token or its predecessor has NaN or infinity.
    """
    video = embeddings.reshape(frames, embeddings.shape[0] // frames, embeddings.shape[1])
    found = video.new_empty(frames - 1, video.shape[1])
    step = max(1, CHUNK // max(1, video[0].numel()))
    last = unit(video[:1])
    for start in range(1, frames, step):
        units = torch.cat((last, unit(video[start : start + step])))
        found[start - 1 : start - 1 + step] = 1 - (units[1:] * units[:-1]).sum(-1)
        last = units[-1:]
    return found.flatten()


def unit(rows: Tensor) -> Tensor:
    """Each vector of the last dimension over its length."""
    norm: Tensor = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return rows / norm.clamp_min(_EPS.get(rows.dtype, _DEFAULT_EPS))


#: One operator, also in a compiled graph: inductor computes a fused chain in float32 where eager mode rounds to
#: bfloat16 after each step (torch 2.13: other distances for 7% of random tokens), and then other tokens would be kept.
frame_distance = torch.library.custom_op("steadygraph::frame_distance", distance, mutates_args=())


@frame_distance.register_fake
def _(embeddings: Tensor, frames: int) -> Tensor:
    return embeddings.new_empty(embeddings.shape[0] - embeddings.shape[0] // frames)
