"""The tokens that stand for one video in a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steadygraph.reference.evs.grid import Grid, merged_grid, retained_tokens


@dataclass(frozen=True)
class Placeholder:
    """The tokens of one video in a prompt: for each frame its timestamp, vision start, video tokens, vision end.

    Args:
        grid: ``(T, H, W)`` in patches, before spatial merging.
        merge: Spatial merge size.
        timestamps: For each frame the token ids of its timestamp.
        vision_start: Token id that opens a frame.
        video: Token id that a video token has.
        vision_end: Token id that closes a frame.

    Raises:
        ValueError: The grid is empty, merging does not divide it, or there are not T timestamps.
    """

    grid: Grid
    merge: int
    timestamps: tuple[tuple[int, ...], ...]
    vision_start: int
    video: int
    vision_end: int

    def __post_init__(self) -> None:
        frames = merged_grid(self.grid, self.merge)[0]
        if len(self.timestamps) != frames:
            raise ValueError(f"{len(self.timestamps)} timestamps for {frames} frames")

    @property
    def frames(self) -> int:
        """T."""
        return self.grid[0]

    @property
    def rows(self) -> int:
        """Rows of tokens in a frame."""
        return self.grid[1] // self.merge

    @property
    def columns(self) -> int:
        """Columns of tokens in a frame."""
        return self.grid[2] // self.merge

    @property
    def tokens_per_frame(self) -> int:
        """P."""
        return self.rows * self.columns

    @property
    def text_tokens(self) -> int:
        """Tokens that are no video tokens: timestamps, vision starts, vision ends."""
        return sum(len(timestamp) + 2 for timestamp in self.timestamps)

    @property
    def span(self) -> int:
        """Positions that the video takes, pruned or not: text after it goes on there."""
        return self.text_tokens + self.frames * max(self.rows, self.columns)

    def length(self, rate: float) -> int:
        """L, how many tokens the video takes in the prompt; a function of sizes, known before the encoder runs.

        Args:
            rate: Pruning rate in ``[0, 1)``.

        Raises:
            ValueError: The rate is outside ``[0, 1)``.
        """
        return self.text_tokens + retained_tokens(self.tokens_per_frame, self.frames, rate)

    def prompt_ids(self, rate: float) -> list[int]:
        """The ids at prompt time, L of them: all video tokens stand in the first frame, as nobody knows better yet.

        Args:
            rate: Pruning rate in ``[0, 1)``.

        Raises:
            ValueError: The rate is outside ``[0, 1)``.
        """
        kept = retained_tokens(self.tokens_per_frame, self.frames, rate)
        return self.ids([kept] + [0] * (self.frames - 1))

    def ids(self, kept: Sequence[int]) -> list[int]:
        """The ids after pruning, L of them if ``kept`` sums to K.

        Args:
            kept: For each frame how many video tokens it keeps: :func:`kept_per_frame`.

        Raises:
            ValueError: There are not T numbers, or one of them is negative.
        """
        if len(kept) != self.frames:
            raise ValueError(f"{len(kept)} numbers of kept tokens for {self.frames} frames")
        if min(kept) < 0:
            raise ValueError(f"a frame cannot keep {min(kept)} tokens, the least is 0")
        found: list[int] = []
        for timestamp, tokens in zip(self.timestamps, kept, strict=True):
            found += [*timestamp, self.vision_start, *[self.video] * tokens, self.vision_end]
        return found
