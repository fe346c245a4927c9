"""Ids, embeddings and positions of a pruned video, against a walk over its tokens one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from steadygraph.reference.evs import FinalSequence, Placeholder, kept_per_frame, prune_video, retention_mask

START, VIDEO, END = 90, 91, 92
#: Three frames of 2 x 2 tokens, two ids for each timestamp.
EXAMPLE = Placeholder((3, 4, 4), 2, ((1, 2), (1, 3), (1, 4)), START, VIDEO, END)
FRAMES = [
    [(1, 0), (1, 0), (0, 1), (0, 1)],
    [(1, 0), (0, 1), (0, 1), (1, 1)],
    [(1, 0), (0, 1), (1, 0), (1, 1)],
]
quick = settings(max_examples=60, deadline=None)


@dataclass
class Token:
    id: int
    t: int
    h: int
    w: int
    #: Index among the video tokens; None for text.
    video: int | None = None

    @property
    def channels(self) -> list[int]:
        return [self.t, self.h, self.w, int(self.id == START), int(self.video is not None)]


def unpruned(placeholder: Placeholder) -> list[Token]:
    """Token after token: text counts on by 1, a frame is an image, text after it goes on at the largest plus 1."""
    tokens: list[Token] = []
    position = video = 0
    rows, columns = placeholder.grid[1] // placeholder.merge, placeholder.grid[2] // placeholder.merge
    for timestamp in placeholder.timestamps:
        for id_ in (*timestamp, START):
            tokens.append(Token(id_, position, position, position))
            position += 1
        for row in range(rows):
            for column in range(columns):
                tokens.append(Token(VIDEO, position, position + row, position + column, video))
                video += 1
        position = max(max(token.h, token.w) for token in tokens) + 1
        tokens.append(Token(END, position, position, position))
        position += 1
    return tokens


def pruned(placeholder: Placeholder, retained: list[int]) -> list[Token]:
    return [token for token in unpruned(placeholder) if token.video is None or token.video in retained]


@st.composite
def videos(draw: st.DrawFn) -> tuple[Placeholder, list[int]]:
    """A placeholder, and tokens of it that are kept: the first frame and any others."""
    frames, merge = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    timestamp = st.lists(st.integers(0, 80), max_size=4).map(tuple)
    timestamps = draw(st.lists(timestamp, min_size=frames, max_size=frames))
    first, tokens = rows * columns, frames * rows * columns
    others = draw(st.sets(st.integers(first, tokens - 1))) if frames > 1 else set()
    grid = (frames, rows * merge, columns * merge)
    return Placeholder(grid, merge, tuple(timestamps), START, VIDEO, END), [*range(first), *sorted(others)]


def features(dtype: torch.dtype = torch.float32, levels: int = 0) -> Tensor:
    """The worked example; each deepstack level ten times the one before, so that no cosine changes."""
    rows = torch.tensor(FRAMES, dtype=dtype).flatten(0, 1)
    return torch.cat([rows * 10**level for level in range(1 + levels)], dim=1)


def embedding(width: int = 2, dtype: torch.dtype = torch.float32) -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(100, width, dtype=dtype).requires_grad_(False)


# --- the worked example ------------------------------------------------------------------------------


def test_the_positions_of_the_worked_example_keep_their_holes() -> None:
    positions = prune_video(EXAMPLE, features(), 0.5, embedding()).positions

    assert positions.dtype is torch.int64
    assert positions.tolist() == [
        [0, 1, 2, 3, 3, 3, 3, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 17],
        [0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17],
        [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 17],
        [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    ]


def test_the_embeddings_of_the_worked_example() -> None:
    embed = embedding()

    pruned_video = prune_video(EXAMPLE, features(levels=1), 0.5, embed)

    text, zero = embed.weight.tolist(), [0.0, 0.0]
    kept = [[1, 0, 10, 0], [1, 0, 10, 0], [0, 1, 0, 10], [0, 1, 0, 10]]
    assert pruned_video.embeddings.tolist() == [
        *(text[1] + zero, text[2] + zero, text[START] + zero, *kept, text[END] + zero),
        *(text[1] + zero, text[3] + zero, text[START] + zero, [0, 1, 0, 10], text[END] + zero),
        *(text[1] + zero, text[4] + zero, text[START] + zero, [1, 0, 10, 0], text[END] + zero),
    ]


def test_the_mask_of_a_pruned_video_is_its_retention_mask() -> None:
    mask = prune_video(EXAMPLE, features(), 0.5, embedding()).mask

    assert torch.equal(mask, retention_mask(features(), (3, 4, 4), 2, 0.5))


# --- any video ---------------------------------------------------------------------------------------


@quick
@given(videos())
def test_ids_and_positions_are_those_of_the_unpruned_sequence_where_kept(video: tuple[Placeholder, list[int]]) -> None:
    placeholder, retained = video
    expected = pruned(placeholder, retained)

    final = FinalSequence(placeholder, torch.tensor(retained))

    assert final.length == len(expected)
    assert final.ids().tolist() == [token.id for token in expected]
    assert final.positions().T.tolist() == [token.channels for token in expected]


@quick
@given(videos(), st.integers(0, 3), st.sampled_from([torch.float32, torch.bfloat16, torch.float16]))
def test_embeddings_are_features_at_video_tokens_and_text_with_zeros_elsewhere(
    video: tuple[Placeholder, list[int]], levels: int, dtype: torch.dtype
) -> None:
    placeholder, retained = video
    tokens, embed = placeholder.frames * placeholder.tokens_per_frame, embedding(3)
    rows = torch.randn(tokens, 3 * (1 + levels), generator=torch.Generator().manual_seed(tokens)).to(dtype)
    text = embed.weight.to(dtype)

    found = FinalSequence(placeholder, torch.tensor(retained)).embeddings(rows, embed)

    expected = [
        [*text[token.id].tolist(), *[0.0] * 3 * levels] if token.video is None else rows[token.video].tolist()
        for token in pruned(placeholder, retained)
    ]
    assert found.dtype is dtype
    assert found.tolist() == expected


@quick
@given(videos(), st.integers(0, 99), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_the_ids_on_the_device_are_those_on_the_host(
    video: tuple[Placeholder, list[int]], seed: int, rate: float
) -> None:
    placeholder, _ = video
    tokens = placeholder.frames * placeholder.tokens_per_frame
    rows = torch.randn(tokens, 4, generator=torch.Generator().manual_seed(seed))

    mask, embeddings, positions = prune_video(placeholder, rows, rate, embedding(4))

    ids = FinalSequence(placeholder, mask.nonzero().flatten()).ids().tolist()
    assert ids == placeholder.ids(kept_per_frame(mask, placeholder.frames))
    assert len(ids) == len(embeddings) == positions.shape[1] == placeholder.length(rate)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_positions_stay_integral_in_a_model_of_half_precision(dtype: torch.dtype) -> None:
    """257 is the first integer that bfloat16 lacks, 2049 the first that float16 lacks."""
    placeholder = Placeholder((400, 1, 1), 1, ((1, 2, 3, 4),) * 400, START, VIDEO, END)
    rows = torch.ones(400, 2, dtype=dtype)

    positions = prune_video(placeholder, rows, 0.0, embedding(2, dtype)).positions

    assert positions.dtype is torch.int64
    assert positions[0].tolist() == list(range(400 * 7))


def test_gradients_reach_the_features_that_were_kept_and_the_text_embedding() -> None:
    rows, embed = features().requires_grad_(), embedding().requires_grad_()

    prune_video(EXAMPLE, rows, 0.5, embed).embeddings.sum().backward()

    assert rows.grad is not None
    assert rows.grad[:, 0].bool().tolist() == retention_mask(features(), (3, 4, 4), 2, 0.5).tolist()
    assert embed.weight.grad is not None
    assert embed.weight.grad[:, 0].nonzero().flatten().tolist() == [1, 2, 3, 4, START, END]


# --- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "width", "message"),
    [
        (torch.ones(11, 2), 2, "features are [11, 2], the placeholder needs [12, V * (1 + levels)]"),
        (torch.ones(12), 2, "features are [12], the placeholder needs [12, V * (1 + levels)]"),
        (torch.ones(12, 7), 3, "features have 7 channels, no multiple of the text embedding's 3"),
        (
            torch.ones(12, 2, device="meta"),
            2,
            "features on meta, retained indices on cpu",
        ),
    ],
    ids=["rows", "dimensions", "channels", "device"],
)
def test_what_does_not_fit_is_refused_with_both_numbers(rows: Tensor, width: int, message: str) -> None:
    final = FinalSequence(EXAMPLE, torch.arange(6))

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        final.embeddings(rows, embedding(width))


def test_a_text_embedding_on_another_device_is_refused_with_both() -> None:
    final = FinalSequence(EXAMPLE, torch.arange(6))

    with pytest.raises(ValueError, match=r"^the text embedding on meta, retained indices on cpu$"):
        final.embeddings(features(), lambda ids: torch.empty(len(ids), 2, device="meta"))
