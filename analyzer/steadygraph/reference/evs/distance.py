"""How much each video token differs from the one at its place in the frame before."""

from __future__ import annotations

import torch
from torch import Tensor

#: Elements that are worked on at a time: 32 MiB in bfloat16, where a long video has 800.  Smaller chunks are a little
#: faster on one thread of a CPU, but several threads wait for one another at each of them.
CHUNK = 2**24

#: The norm below which a token counts as zero.  1e-8 rounds to 0 in float16; this is the smallest number above it.
_EPS = {torch.float16: 2.0**-24}
_DEFAULT_EPS = 1e-8


def distance(embeddings: Tensor, frames: int) -> Tensor:
    """``1 - cos(E[t, i], E[t - 1, i])`` for each frame t but the first.

    Bit for bit ``1 - F.cosine_similarity``, but for tokens of zeros in float16, where that is NaN and this is 1.
    A frame is scaled to unit length once, not once for each of its two neighbours, in two buffers of a chunk of frames
    that are allocated once.

    Args:
        embeddings: ``[T * P, D]``, row-major over (frame, token); any floating dtype and device.
        frames: T.

    Returns:
        ``[(T - 1) * P]`` in the dtype of ``embeddings``; NaN where a token or its predecessor has NaN or infinity.
    """
    video = embeddings.reshape(frames, embeddings.shape[0] // frames, embeddings.shape[1])
    found = video.new_empty(frames - 1, video.shape[1])
    step = max(1, min(frames - 1, CHUNK // max(1, video[0].numel())))
    units, products = video.new_empty(step + 1, *video.shape[1:]), video.new_empty(step, *video.shape[1:])
    unit(video[:1], out=units[:1])
    for start in range(1, frames, step):
        n = min(step, frames - start)
        unit(video[start : start + n], out=units[1 : n + 1])
        torch.mul(units[1 : n + 1], units[:n], out=products[:n])
        torch.sub(1, products[:n].sum(-1), out=found[start - 1 : start - 1 + n])
        units[0] = units[n]
    return found.flatten()


def unit(rows: Tensor, out: Tensor) -> None:
    """Each vector of the last dimension over its length."""
    norm: Tensor = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    torch.div(rows, norm.clamp_min(_EPS.get(rows.dtype, _DEFAULT_EPS)), out=out)


#: One operator, also in a compiled graph: inductor computes a fused chain in float32 where eager mode rounds to
#: bfloat16 after each step (torch 2.13: other distances for 7% of random tokens), and then other tokens would be kept.
frame_distance = torch.library.custom_op("steadygraph::frame_distance", distance, mutates_args=())


@frame_distance.register_fake
def _(embeddings: Tensor, frames: int) -> Tensor:
    return embeddings.new_empty(embeddings.shape[0] - embeddings.shape[0] // frames)
