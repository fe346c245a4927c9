"""Which tokens survive, against exact arithmetic, against torch's own cosine, and by properties."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from steadygraph.reference.evs import distance as distance_module
from steadygraph.reference.evs import kept_per_frame, retained_indices, retained_tokens, retention_mask, retention_masks
from steadygraph.reference.evs.distance import distance

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
RATES = st.sampled_from((0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99))
GRIDS = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
quick = settings(max_examples=60, deadline=None)

#: Three frames of 2 x 2 tokens with two channels.
EXAMPLE = [
    [(1, 0), (1, 0), (0, 1), (0, 1)],
    [(1, 0), (0, 1), (0, 1), (1, 1)],
    [(1, 0), (0, 1), (1, 0), (1, 1)],
]


def example(dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(EXAMPLE, dtype=dtype).flatten(0, 1)


def shown(mask: Tensor) -> str:
    """``1111 0100 0010``, a word for each frame of four."""
    bits = "".join("1" if kept else "0" for kept in mask.tolist())
    return " ".join(bits[i : i + 4] for i in range(0, len(bits), 4))


def random(grid: tuple[int, int, int], channels: int, seed: int, dtype: torch.dtype) -> Tensor:
    frames, rows, columns = grid
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames * rows * columns, channels, generator=generator).to(dtype)


def exact(video: list[list[tuple[int, ...]]], kept: int) -> tuple[list[bool], bool]:
    """The mask in exact arithmetic, and whether its last place was decided by a tie.

    ``sign * dot^2 / (|a|^2 * |b|^2)`` is rational, and ordered as the cosine is.
    """
    keys: list[Fraction] = []
    for before, frame in pairwise(video):
        for a, b in zip(before, frame, strict=True):
            dot = sum(x * y for x, y in zip(a, b, strict=True))
            norms = sum(x * x for x in a) * sum(x * x for x in b)
            keys.append(Fraction(dot * abs(dot), norms) if norms else Fraction(0))
    first = len(video[0])
    order = sorted(range(len(keys)), key=lambda i: (keys[i], i))
    chosen = set(order[: kept - first])
    tied = first < kept < first + len(keys) and keys[order[kept - first - 1]] == keys[order[kept - first]]
    return [True] * first + [i in chosen for i in range(len(keys))], tied


# --- the worked example ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("rate", "expected"),
    [(0.0, "1111 1111 1111"), (0.25, "1111 1101 0011"), (0.5, "1111 0100 0010"), (0.75, "1111 0000 0000")],
)
def test_the_worked_example(dtype: torch.dtype, rate: float, expected: str) -> None:
    assert shown(retention_mask(example(dtype), (3, 4, 4), 2, rate)) == expected


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("rate", "expected"), [(0.25, "1111 1111 0010"), (0.5, "1111 0100 0010")])
def test_the_worked_example_in_half_precision(dtype: torch.dtype, rate: float, expected: str) -> None:
    """(1, 1) / sqrt(2) has length 1 once it is rounded to so few bits, so that five tokens tie at distance 0."""
    assert shown(retention_mask(example(dtype), (3, 4, 4), 2, rate)) == expected


def test_the_example_keeps_four_one_and_one_in_its_frames() -> None:
    assert kept_per_frame(retention_mask(example(), (3, 4, 4), 2, 0.5), 3) == (4, 1, 1)


# --- against independent arithmetic ------------------------------------------------------------------


@st.composite
def integer_videos(draw: st.DrawFn) -> list[list[tuple[int, ...]]]:
    frames, tokens, channels = draw(st.integers(1, 5)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    vector = st.tuples(*[st.integers(-6, 6)] * channels)
    return draw(st.lists(st.lists(vector, min_size=tokens, max_size=tokens), min_size=frames, max_size=frames))


@quick
@given(integer_videos(), RATES, st.lists(st.floats(1e-3, 1e3), min_size=5, max_size=5))
def test_the_mask_is_that_of_exact_arithmetic_and_no_frame_has_a_scale(
    video: list[list[tuple[int, ...]]], rate: float, scales: list[float]
) -> None:
    frames, tokens = len(video), len(video[0])
    expected, tied = exact(video, retained_tokens(tokens, frames, rate))
    assume(not tied)
    scaled = (
        torch.tensor(video, dtype=torch.float64) * torch.tensor(scales[:frames], dtype=torch.float64)[:, None, None]
    )

    mask = retention_mask(scaled.flatten(0, 1), (frames, tokens, 1), 1, rate)

    assert mask.tolist() == expected


@quick
@given(GRIDS, st.data(), RATES, st.sampled_from(DTYPES))
def test_ties_go_to_the_lower_index_in_every_dtype_and_at_every_scale(
    grid: tuple[int, int, int], data: st.DataObject, rate: float, dtype: torch.dtype
) -> None:
    """Vectors along an axis have a cosine of -1, 0 or 1 without any rounding, so that nearly all is ties."""
    frames, tokens = grid[0], grid[1] * grid[2]
    axis = st.sampled_from([(1, 0), (-1, 0), (0, 1), (0, -1), (0, 0)])
    flat = data.draw(st.lists(axis, min_size=frames * tokens, max_size=frames * tokens))
    video = [flat[i : i + tokens] for i in range(0, len(flat), tokens)]
    scales = torch.tensor(data.draw(st.lists(st.floats(0.01, 100), min_size=frames, max_size=frames)))
    expected, _ = exact(video, retained_tokens(tokens, frames, rate))

    mask = retention_mask((torch.tensor(video) * scales[:, None, None]).flatten(0, 1).to(dtype), grid, 1, rate)

    assert mask.tolist() == expected


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("chunk", [1, 100, 1000, 2**22])
def test_the_distance_is_bit_for_bit_that_of_torch(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, chunk: int
) -> None:
    monkeypatch.setattr(distance_module, "CHUNK", chunk)
    rows = random((9, 5, 7), 48, 0, dtype)
    video = rows.view(9, 35, 48)
    expected = 1 - torch.nn.functional.cosine_similarity(video[1:], video[:-1], dim=-1, eps=1e-8)

    found = distance(rows, 9)

    assert found.dtype is dtype
    assert torch.equal(found, expected.flatten())


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_token_that_is_zero_is_at_distance_one_from_all(dtype: torch.dtype) -> None:
    video = torch.tensor([(0.0, 0.0), (3.0, 4.0), (0.0, 0.0), (0.0, 0.0)], dtype=dtype)

    assert distance(video, 4).tolist() == [1, 1, 1]


def test_rows_need_not_be_contiguous() -> None:
    rows = random((4, 3, 3), 10, 1, torch.float32)[:, ::2]

    mask = retention_mask(rows, (4, 3, 3), 1, 0.5)

    assert torch.equal(mask, retention_mask(rows.contiguous(), (4, 3, 3), 1, 0.5))


# --- properties --------------------------------------------------------------------------------------


@quick
@given(GRIDS, st.integers(1, 3), st.integers(0, 99), RATES, st.sampled_from(DTYPES))
def test_as_many_tokens_are_kept_as_were_counted_and_frame_0_is_whole(
    grid: tuple[int, int, int], merge: int, seed: int, rate: float, dtype: torch.dtype
) -> None:
    tokens = grid[1] * grid[2]
    patches = (grid[0], grid[1] * merge, grid[2] * merge)

    mask = retention_mask(random(grid, 4, seed, dtype), patches, merge, rate)

    assert mask.dtype is torch.bool
    assert mask.sum() == retained_tokens(tokens, grid[0], rate)
    assert mask[:tokens].all()


@quick
@given(GRIDS, st.integers(0, 99), RATES, RATES, st.sampled_from(DTYPES))
def test_what_survives_survives_at_each_lower_rate(
    grid: tuple[int, int, int], seed: int, one: float, other: float, dtype: torch.dtype
) -> None:
    low, high = sorted((one, other))
    rows = random(grid, 3, seed, dtype)

    few, many = (retention_mask(rows, grid, 1, rate) for rate in (high, low))

    assert (few & ~many).sum() == 0


@quick
@given(GRIDS, st.integers(0, 99), RATES, st.sampled_from(DTYPES), st.data())
def test_nothing_pushes_frame_0_out(
    grid: tuple[int, int, int], seed: int, rate: float, dtype: torch.dtype, data: st.DataObject
) -> None:
    rows = random(grid, 3, seed, dtype)
    for index in data.draw(st.sets(st.integers(0, rows.numel() - 1))):
        rows.view(-1)[index] = data.draw(st.sampled_from([torch.nan, torch.inf, -torch.inf]))
    tokens = grid[1] * grid[2]

    mask = retention_mask(rows, grid, 1, rate)

    assert mask[:tokens].all()
    assert mask.sum() == retained_tokens(tokens, grid[0], rate)


def test_nan_counts_as_the_largest_distance() -> None:
    rows = torch.tensor([1.0, 1.0, 1.0, -1.0, 1.0, torch.nan])[:, None]

    assert retention_mask(rows, (3, 2, 1), 1, 0.5).tolist() == [True, True, False, False, False, True]


@quick
@given(GRIDS, st.integers(0, 99), RATES, st.sampled_from(DTYPES), st.lists(st.integers(-4, 4), min_size=5, max_size=5))
def test_a_frame_times_a_power_of_two_changes_nothing_in_any_dtype(
    grid: tuple[int, int, int], seed: int, rate: float, dtype: torch.dtype, powers: list[int]
) -> None:
    rows = random(grid, 3, seed, dtype)
    scaled = rows.view(grid[0], -1) * 2.0 ** torch.tensor(powers[: grid[0]]).to(dtype)[:, None]

    assert torch.equal(retention_mask(scaled.view_as(rows), grid, 1, rate), retention_mask(rows, grid, 1, rate))


@quick
@given(GRIDS, st.integers(0, 99), RATES, st.sampled_from(DTYPES))
def test_the_indices_are_those_where_the_mask_is_true(
    grid: tuple[int, int, int], seed: int, rate: float, dtype: torch.dtype
) -> None:
    rows = random(grid, 3, seed, dtype)

    indices = retained_indices(rows, grid, 1, rate)

    assert indices.tolist() == retention_mask(rows, grid, 1, rate).nonzero().flatten().tolist()


def test_each_of_several_videos_is_pruned_by_itself() -> None:
    grids = [(3, 4, 4), (1, 2, 6), (5, 2, 2)]
    parts = [random((t, h // 2, w // 2), 4, t, torch.bfloat16) for t, h, w in grids]

    masks = retention_masks(torch.cat(parts), grids, 2, 0.4)

    assert len(masks) == 3
    assert all(
        torch.equal(mask, retention_mask(part, grid, 2, 0.4))
        for mask, part, grid in zip(masks, parts, grids, strict=True)
    )


def test_no_videos_have_no_masks() -> None:
    assert retention_masks(torch.empty(0, 4), [], 2, 0.4) == ()


# --- bad input ---------------------------------------------------------------------------------------

REFUSED = [
    pytest.param(lambda e: retention_mask(e, (3, 4, 4), 2, 1.0), "pruning rate 1.0 is outside [0, 1)", id="rate"),
    pytest.param(
        lambda e: retention_mask(e, (0, 4, 4), 2, 0.5), "an empty video: grid (0, 4, 4) has a size below 1", id="frames"
    ),
    pytest.param(
        lambda e: retention_mask(e, (3, 0, 4), 2, 0.5), "an empty video: grid (3, 0, 4) has a size below 1", id="rows"
    ),
    pytest.param(
        lambda e: retention_mask(e, (3, 5, 4), 2, 0.5),
        "height 5 of grid (3, 5, 4) is no multiple of the merge size 2",
        id="height",
    ),
    pytest.param(
        lambda e: retention_mask(e, (3, 4, 7), 2, 0.5),
        "width 7 of grid (3, 4, 7) is no multiple of the merge size 2",
        id="width",
    ),
    pytest.param(lambda e: retention_mask(e, (3, 4, 4), 0, 0.5), "merge size 0 is below 1", id="merge"),
    pytest.param(
        lambda e: retention_mask(e[:11], (3, 4, 4), 2, 0.5),
        "embeddings are [11, 2], (3, 4, 4) merged by 2 needs [12, D]",
        id="embeddings",
    ),
    pytest.param(
        lambda e: retention_mask(e.flatten(), (3, 4, 4), 2, 0.5),
        "embeddings are [24], (3, 4, 4) merged by 2 needs [12, D]",
        id="dimensions",
    ),
    pytest.param(
        lambda e: retention_mask(e.int(), (3, 4, 4), 2, 0.5),
        "embeddings are torch.int32, a floating dtype is needed",
        id="dtype",
    ),
    pytest.param(
        lambda e: retention_masks(e, [(2, 4, 4), (2, 4, 4)], 2, 0.5),
        "embeddings are [12, 2], (2, 4, 4), (2, 4, 4) merged by 2 needs [16, D]",
        id="several",
    ),
    pytest.param(
        lambda e: kept_per_frame(torch.ones(12, dtype=torch.bool), 5),
        "a mask of 12 tokens cannot be split into 5 frames",
        id="mask",
    ),
    pytest.param(
        lambda e: kept_per_frame(torch.ones(12, dtype=torch.bool), 0),
        "a mask of 12 tokens cannot be split into 0 frames",
        id="no frames",
    ),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_does_not_fit_is_refused_with_both_numbers(call: Callable[[Tensor], object], message: str) -> None:
    embeddings = example()

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call(embeddings)

    assert torch.equal(embeddings, example())
