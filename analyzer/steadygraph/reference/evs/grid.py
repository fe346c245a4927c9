"""How many tokens a video has, and how many survive pruning: sizes alone, before any encoder has run."""

from __future__ import annotations

Grid = tuple[int, int, int]


def merged_grid(grid: Grid, merge: int) -> Grid:
    """Frames, and rows and columns of tokens in a frame.

    Args:
        grid: ``(T, H, W)`` in patches, before spatial merging.
        merge: Spatial merge size m.

    Returns:
        ``(T, H // m, W // m)``.

    Raises:
        ValueError: A size below 1, or m does not divide H and W.
    """
    frames, height, width = grid
    if min(frames, height, width) < 1:
        raise ValueError(f"an empty video: grid {tuple(grid)} has a size below 1")
    if merge < 1:
        raise ValueError(f"merge size {merge} is below 1")
    for name, size in (("height", height), ("width", width)):
        if size % merge:
            raise ValueError(f"{name} {size} of grid {tuple(grid)} is no multiple of the merge size {merge}")
    return frames, height // merge, width // merge


def retained_tokens(tokens_per_frame: int, frames: int, rate: float) -> int:
    """How many tokens of a video survive pruning.

    ``max(P, int(T * P * (1 - q)))``, which truncates a binary float: 10 tokens, 12 frames and rate 0.9 leave 11, not
    12.  Every part of an engine has to truncate the same number, or prompt and embeddings differ in length.

    Args:
        tokens_per_frame: P, after spatial merging.
        frames: T.
        rate: Pruning rate q in ``[0, 1)``.

    Returns:
        K, at least P: the first frame is always kept.

    Raises:
        ValueError: P or T is below 1, or q is outside ``[0, 1)``.

    Source: efficient video sampling, https://arxiv.org/abs/2510.14624.
    """
    if tokens_per_frame < 1 or frames < 1:
        raise ValueError(f"an empty video: {frames} frames of {tokens_per_frame} tokens")
    if not 0 <= rate < 1:
        raise ValueError(f"pruning rate {rate} is outside [0, 1)")
    return max(tokens_per_frame, int(tokens_per_frame * frames * (1 - rate)))
