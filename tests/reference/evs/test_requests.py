"""Positions of whole requests: against a walk over the tokens, against transformers, and for every cut."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from steadygraph.reference.evs import Media, Placeholder, chunk_positions, image_positions, position_delta, prune_video

START, VIDEO, END, IMAGE = 90, 91, 92, 93
#: Three frames of 2 x 2 tokens, two ids for each timestamp.
EXAMPLE = Placeholder((3, 4, 4), 2, ((1, 2), (1, 3), (1, 4)), START, VIDEO, END)
FRAMES = [
    [(1, 0), (1, 0), (0, 1), (0, 1)],
    [(1, 0), (0, 1), (0, 1), (1, 1)],
    [(1, 0), (0, 1), (1, 0), (1, 1)],
]
quick = settings(max_examples=60, deadline=None)


def example() -> Media:
    """The worked example at rate 0.5 behind three tokens of text."""
    features = torch.tensor(FRAMES, dtype=torch.float32).flatten(0, 1)
    return Media.video(3, EXAMPLE, 0.5, prune_video(EXAMPLE, features, 0.5, nn.Embedding(100, 2)).positions)


@st.composite
def requests(draw: st.DrawFn) -> tuple[int, list[Media]]:
    """The length of a prompt and its media, videos and images, with text between them or not."""
    media: list[Media] = []
    length = draw(st.integers(0, 3))
    for _ in range(draw(st.integers(0, 3))):
        rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        if draw(st.booleans()):
            media.append(Media.image(length, (1, 2 * rows, 2 * columns), 2))
        else:
            frames, rate = draw(st.integers(1, 3)), draw(st.sampled_from([0.0, 0.3, 0.6]))
            timestamps = ((5, 6), (7,), ())[:frames]
            placeholder = Placeholder((frames, rows, columns), 1, timestamps, START, VIDEO, END)
            features = torch.randn(frames * rows * columns, 2, generator=torch.Generator().manual_seed(length))
            video = prune_video(placeholder, features, rate, nn.Embedding(100, 2))
            media.append(Media.video(length, placeholder, rate, video.positions))
        length += media[-1].length + draw(st.integers(0, 3))
    return max(1, length), media


def walk(length: int, media: list[Media]) -> list[list[int]]:
    """Token after token: media start at the largest position so far plus 1, text goes on at the largest plus 1."""
    at = {one.offset: one for one in media}
    found: list[list[int]] = []
    while len(found) < length:
        base = max((max(token) for token in found), default=-1) + 1
        one = at.get(len(found))
        if one is None:
            found.append([base] * 3)
        else:
            assert one.positions is not None
            found += [[base + p for p in token] for token in one.positions[:3].T.tolist()]
    return found


# --- the worked example ------------------------------------------------------------------------------


def test_the_worked_example() -> None:
    media = [example()]

    t = chunk_positions(media, 0, 23)[0]

    assert t.tolist() == [0, 1, 2, 3, 4, 5, 6, 6, 6, 6, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 21, 22]
    assert position_delta(media) == 0


@pytest.mark.parametrize("cut", range(24))
def test_the_worked_example_is_the_same_for_every_cut(cut: int) -> None:
    media = [example()]

    parts = torch.cat((chunk_positions(media, 0, cut), chunk_positions(media, cut, 23)), dim=1)

    assert torch.equal(parts, chunk_positions(media, 0, 23))


# --- any request -------------------------------------------------------------------------------------


@quick
@given(requests())
def test_a_request_has_the_positions_of_a_walk_over_its_tokens(request_: tuple[int, list[Media]]) -> None:
    length, media = request_

    positions = chunk_positions(media, 0, length)

    assert positions.dtype is torch.int64
    assert positions.T.tolist() == walk(length, media)


@quick
@given(requests())
def test_the_delta_is_the_largest_position_plus_one_minus_the_length(request_: tuple[int, list[Media]]) -> None:
    length, media = request_

    assert position_delta(media) == max(max(token) for token in walk(length, media)) + 1 - length


@quick
@given(requests(), st.data())
def test_chunks_put_together_are_the_whole(request_: tuple[int, list[Media]], data: st.DataObject) -> None:
    length, media = request_
    cuts = sorted({0, length, *data.draw(st.sets(st.integers(0, length)))})
    whole = chunk_positions(media, 0, length)

    chunks = [
        chunk_positions([one for one in media if one.offset < stop], start, stop) for start, stop in pairwise(cuts)
    ]

    assert torch.equal(torch.cat(chunks, dim=1), whole)


@quick
@given(requests())
def test_generated_tokens_count_on_from_the_delta(request_: tuple[int, list[Media]]) -> None:
    length, media = request_

    generated = chunk_positions(media, length, length + 3)

    first = length + position_delta(media)
    assert generated.tolist() == [[first, first + 1, first + 2]] * 3


@quick
@given(requests())
def test_media_that_do_not_reach_into_the_chunk_need_no_positions(request_: tuple[int, list[Media]]) -> None:
    length, media = request_
    unknown = [Media(one.offset, one.length, one.span) for one in media]

    assert torch.equal(chunk_positions(unknown, length, length + 2), chunk_positions(media, length, length + 2))
    assert position_delta(unknown) == position_delta(media)


def test_without_pruning_positions_are_plain_mrope() -> None:
    """Plain mrope is what transformers computes for Qwen3-VL: here an image, and a video of two frames."""
    from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLModel

    placeholder = Placeholder((2, 4, 6), 2, ((1, 2), (3,)), START, VIDEO, END)
    ids = [5, START, *[IMAGE] * 6, END, 6, *placeholder.ids([6, 6]), 7, 8]
    kinds = [1 if id_ == IMAGE else 2 if id_ == VIDEO else 0 for id_ in ids]
    model = SimpleNamespace(config=SimpleNamespace(vision_config=SimpleNamespace(spatial_merge_size=2)))
    model.get_vision_position_ids = lambda *a, **k: Qwen3VLModel.get_vision_position_ids(model, *a, **k)
    expected, delta = Qwen3VLModel.get_rope_index(
        model,
        torch.tensor([ids]),
        torch.tensor([kinds]),
        image_grid_thw=torch.tensor([[1, 6, 4]]),
        video_grid_thw=torch.tensor([[2, 4, 6]]),
    )
    features = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
    video = prune_video(placeholder, features, 0.0, nn.Embedding(100, 2))
    media = [Media.image(2, (1, 6, 4), 2), Media.video(10, placeholder, 0.0, video.positions)]

    positions = chunk_positions(media, 0, len(ids))

    assert torch.equal(positions, expected[:, 0])
    assert position_delta(media) == delta.item()


# --- bad input ---------------------------------------------------------------------------------------


def positions(length: int) -> Tensor:
    return torch.zeros(3, length, dtype=torch.int64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chunk_positions([], 4, 3), "no chunk: it starts at 4 and stops at 3"),
        (lambda: chunk_positions([], -1, 3), "no chunk: it starts at -1 and stops at 3"),
        (
            lambda: chunk_positions([Media(2, 4, 2)], 0, 3),
            "the media of 4 tokens at 2 have no positions yet: encode them first",
        ),
        (
            lambda: chunk_positions([Media(2, 4, 2, positions(4).to("meta"))], 0, 9),
            "positions on meta, the chunk on cpu",
        ),
        (
            lambda: chunk_positions([Media(2, 4, 2), Media(5, 1, 1)], 0, 9),
            "media out of order: 4 tokens at 2, and the next at 5",
        ),
        (
            lambda: position_delta([Media(5, 1, 1), Media(2, 1, 1)]),
            "media out of order: 1 tokens at 5, and the next at 2",
        ),
        (lambda: Media(2, 4, 2, positions(5)), "positions are [3, 5], needed are [3, 4]"),
        (lambda: Media(-2, 4, 2), "no tokens: offset -2, length 4, span 2"),
        (lambda: Media.video(0, EXAMPLE, 1.5), "pruning rate 1.5 is outside [0, 1)"),
        (lambda: Media.video(0, EXAMPLE, 0.5, positions(17)), "positions are [3, 17], needed are [3, 18]"),
        (lambda: image_positions((2, 4, 4), 2), "an image has 1 frame, grid (2, 4, 4) has 2"),
        (lambda: image_positions((1, 4, 5), 2), "width 5 of grid (1, 4, 5) is no multiple of the merge size 2"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_numbers(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
