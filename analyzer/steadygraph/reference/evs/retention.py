"""Which video tokens survive pruning: those that differ most from the frame before."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from steadygraph.reference.evs.distance import frame_distance
from steadygraph.reference.evs.grid import Grid, merged_grid, retained_tokens


def retention_mask(embeddings: Tensor, grid: Grid, merge: int, rate: float) -> Tensor:
    """Which video tokens survive pruning.

    The first frame survives whole.  The others are ranked by ``1 - cos`` to the same place in the frame before, over
    all D channels and in the dtype of ``embeddings``; a tie goes to the lower index, NaN counts as the largest.  What
    survives at one rate survives at each lower rate.  Without host synchronisation; traces as one graph.

    Args:
        embeddings: ``[T * P, D]``, row-major over (frame, row, column); any floating dtype and device.
        grid: ``(T, H, W)`` in patches, before spatial merging.
        merge: Spatial merge size m; a frame has ``P = (H // m) * (W // m)`` tokens.
        rate: Pruning rate q in ``[0, 1)``.

    Returns:
        ``[T * P]`` bool on the device of ``embeddings``; exactly ``retained_tokens(P, T, q)`` are True.

    Raises:
        ValueError: ``embeddings`` does not have T * P rows of a floating dtype, the grid is empty or m does not divide
            it, or q is outside ``[0, 1)``.

    Source: efficient video sampling, https://arxiv.org/abs/2510.14624; tie and NaN rules are ours.
    """
    kept = retained_indices(embeddings, grid, merge, rate)
    return mask_of(kept, embeddings.shape[0])


def mask_of(retained: Tensor, tokens: int) -> Tensor:
    """``[tokens]`` bool, True at the indices ``retained``."""
    return retained.new_zeros(tokens, dtype=torch.bool).index_fill(0, retained, True)


def retained_indices(embeddings: Tensor, grid: Grid, merge: int, rate: float) -> Tensor:
    """The same as :func:`retention_mask` as indices, which select rows without host synchronisation; a mask would not.

    Args:
        embeddings: ``[T * P, D]``, as for :func:`retention_mask`.
        grid: ``(T, H, W)`` in patches.
        merge: Spatial merge size.
        rate: Pruning rate in ``[0, 1)``.

    Returns:
        ``[K]`` int64, ascending, on the device of ``embeddings``; ``K = retained_tokens(P, T, q)``.

    Raises:
        ValueError: As :func:`retention_mask`.

    Source: efficient video sampling, https://arxiv.org/abs/2510.14624; tie and NaN rules are ours.
    """
    frames, rows, columns = merged_grid(grid, merge)
    first = rows * columns
    kept = retained_tokens(first, frames, rate)
    _require_rows(embeddings, frames * first, (grid,), merge)
    order = frame_distance(embeddings.detach(), frames).argsort(stable=True, descending=True)
    others = order[: kept - first].sort().values + first
    return torch.cat((torch.arange(first, device=embeddings.device), others))


def retention_masks(embeddings: Tensor, grids: Sequence[Grid], merge: int, rate: float) -> tuple[Tensor, ...]:
    """Which tokens of several videos survive; each video is pruned by itself.

    Args:
        embeddings: ``[sum of T * P, D]``, the videos one after another; any floating dtype and device.
        grids: ``(T, H, W)`` in patches of each video.
        merge: Spatial merge size.
        rate: Pruning rate in ``[0, 1)``.

    Returns:
        For each video its :func:`retention_mask`.

    Raises:
        ValueError: ``embeddings`` does not have the rows of all videos together, or as :func:`retention_mask`.

    Source: efficient video sampling, https://arxiv.org/abs/2510.14624; tie and NaN rules are ours.
    """
    sizes = [frames * rows * columns for frames, rows, columns in (merged_grid(grid, merge) for grid in grids)]
    _require_rows(embeddings, sum(sizes), grids, merge)
    parts = embeddings.split_with_sizes(sizes)
    return tuple(retention_mask(part, grid, merge, rate) for part, grid in zip(parts, grids, strict=True))


def kept_per_frame(mask: Tensor, frames: int) -> tuple[int, ...]:
    """How many tokens of each frame survive, on the host.

    **The one host synchronisation of the package**: waits for the device to finish the mask, and copies T numbers.

    Args:
        mask: ``[T * P]`` bool from :func:`retention_mask`, any device.
        frames: T.

    Returns:
        T numbers, for :meth:`Placeholder.ids`.

    Raises:
        ValueError: T is below 1 or does not divide the size of ``mask``.
    """
    if frames < 1 or mask.numel() % frames:
        raise ValueError(f"a mask of {mask.numel()} tokens cannot be split into {frames} frames")
    return tuple(mask.view(frames, -1).sum(1).tolist())


def _require_rows(embeddings: Tensor, tokens: int, grids: Sequence[Grid], merge: int) -> None:
    if embeddings.dim() != 2 or embeddings.shape[0] != tokens:
        video = ", ".join(str(tuple(grid)) for grid in grids)
        raise ValueError(f"embeddings are {list(embeddings.shape)}, {video} merged by {merge} needs [{tokens}, D]")
    if not embeddings.is_floating_point():
        raise ValueError(f"embeddings are {embeddings.dtype}, a floating dtype is needed")
