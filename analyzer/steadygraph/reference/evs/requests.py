"""Positions of a request that has videos and images: the same however its prompt is cut into prefill chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from steadygraph.reference.evs.grid import Grid, merged_grid
from steadygraph.reference.evs.placeholder import Placeholder


@dataclass(frozen=True, eq=False)
class Media:
    """A video or an image in a prompt.

    Args:
        offset: Index in the prompt of its first token.
        length: How many tokens of the prompt it takes.
        span: How many positions it takes: the largest of its own, plus 1.
        positions: ``[3 or more, length]`` integers, rows t, h and w relative to its start; None before they are known.

    Raises:
        ValueError: An offset below 0, a length or a span below 1, or positions of another length.
    """

    offset: int
    length: int
    span: int
    positions: Tensor | None = None

    def __post_init__(self) -> None:
        if self.offset < 0 or self.length < 1 or self.span < 1:
            raise ValueError(f"no tokens: offset {self.offset}, length {self.length}, span {self.span}")
        if self.positions is not None and self.positions.shape[1:] != (self.length,):
            raise ValueError(f"positions are {list(self.positions.shape)}, needed are [3, {self.length}]")

    @classmethod
    def video(cls, offset: int, placeholder: Placeholder, rate: float, positions: Tensor | None = None) -> Media:
        """A video, before (``positions`` None) or after its encoder has run.

        Args:
            offset: Index in the prompt of its first token, that of the first timestamp.
            placeholder: Its tokens.
            rate: Pruning rate in ``[0, 1)``.
            positions: ``[5, L]`` of :class:`PrunedVideo`.

        Raises:
            ValueError: The rate is outside ``[0, 1)``, or ``positions`` has another length than L.
        """
        return cls(offset, placeholder.length(rate), placeholder.span, positions)

    @classmethod
    def image(cls, offset: int, grid: Grid, merge: int, device: torch.device | str = "cpu") -> Media:
        """An image; vision start and end around it are text of the prompt.

        Args:
            offset: Index in the prompt of its first image token.
            grid: ``(1, H, W)`` in patches.
            merge: Spatial merge size.
            device: Where the positions shall be.

        Raises:
            ValueError: The grid is empty, has more than one frame, or merging does not divide it.
        """
        positions = image_positions(grid, merge, device)
        return cls(offset, positions.shape[1], max(merged_grid(grid, merge)[1:]), positions)


def image_positions(grid: Grid, merge: int, device: torch.device | str = "cpu") -> Tensor:
    """Positions of an image, relative to its start.

    Args:
        grid: ``(1, H, W)`` in patches.
        merge: Spatial merge size m.
        device: Where the result shall be.

    Returns:
        ``[3, (H // m) * (W // m)]`` int64: t, h, w.

    Raises:
        ValueError: The grid is empty, has more than one frame, or merging does not divide it.
    """
    frames, rows, columns = merged_grid(grid, merge)
    if frames != 1:
        raise ValueError(f"an image has 1 frame, grid {tuple(grid)} has {frames}")
    token = torch.arange(rows * columns, device=device)
    return torch.stack((torch.zeros_like(token), token // columns, token % columns))


def position_delta(media: Sequence[Media]) -> int:
    """What to add to the index of a generated token to get its position: largest position + 1 - N.

    Known at prompt time, before any encoder has run: pruning moves no position.

    Args:
        media: All of the request, in order.

    Raises:
        ValueError: Media overlap or are out of order.
    """
    _require_order(media)
    return sum(one.span - one.length for one in media)


def chunk_positions(media: Sequence[Media], start: int, stop: int, device: torch.device | str = "cpu") -> Tensor:
    """Positions of the tokens ``[start, stop)`` of a request.

    A token's position depends on the request alone, so that the chunks of a prompt put together are the positions of
    the whole, wherever it is cut.  Text counts on by 1; media start at the position of the token before them plus 1;
    text after them goes on at their largest position plus 1.  Without host synchronisation.

    Args:
        media: All of the request that begin before ``stop``, in order.  Only those that reach into the chunk need
            ``positions``.
        start: Index of the chunk's first token.
        stop: Index behind its last; may lie beyond the prompt, in generated tokens.
        device: Where the result shall be; that of the media's positions.

    Returns:
        ``[3, stop - start]`` int64: t, h, w.

    Raises:
        ValueError: Media overlap or are out of order, some of the chunk have no positions yet or have them on another
            device, or the chunk ends before it starts.
    """
    if not 0 <= start <= stop:
        raise ValueError(f"no chunk: it starts at {start} and stops at {stop}")
    _require_order(media)
    found = torch.arange(start, stop, device=device).expand(3, -1).clone()
    for one, base in _based(media):
        end = one.offset + one.length
        found[:, max(0, end - start) :] += one.span - one.length
        first, last = max(start, one.offset), min(stop, end)
        if first < last:
            part = _known(one, found.device)[:3, first - one.offset : last - one.offset]
            found[:, first - start : last - start] = part + base
    return found


def _based(media: Sequence[Media]) -> Iterator[tuple[Media, int]]:
    """Each with the position at which it starts."""
    gained = 0
    for one in media:
        yield one, one.offset + gained
        gained += one.span - one.length


def _known(one: Media, device: torch.device) -> Tensor:
    if one.positions is None:
        raise ValueError(f"the media of {one.length} tokens at {one.offset} have no positions yet: encode them first")
    if one.positions.device != device:  # a copy from there would make the host wait
        raise ValueError(f"positions on {one.positions.device}, the chunk on {device}")
    return one.positions


def _require_order(media: Sequence[Media]) -> None:
    for before, after in pairwise(media):
        if after.offset < before.offset + before.length:
            raise ValueError(
                f"media out of order: {before.length} tokens at {before.offset}, and the next at {after.offset}"
            )
