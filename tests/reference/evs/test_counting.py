"""How many tokens a pruned video has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.reference.evs import retained_tokens

TOKENS, FRAMES = st.integers(1, 4096), st.integers(1, 1024)
RATES = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("tokens", "frames", "rate", "expected"),
    [
        (4, 3, 0.5, 6),
        (4, 3, 0.0, 12),
        (4, 3, 0.9, 4),
        (10, 10, 0.3, 70),
        (7, 3, 0.25, 15),
        (4, 1, 0.99, 4),
        (10, 12, 0.9, 11),
    ],
)
def test_the_count_truncates_a_binary_float(tokens: int, frames: int, rate: float, expected: int) -> None:
    assert retained_tokens(tokens, frames, rate) == expected


@given(TOKENS, FRAMES, RATES)
def test_a_frame_is_the_least_and_the_whole_video_the_most(tokens: int, frames: int, rate: float) -> None:
    assert tokens <= retained_tokens(tokens, frames, rate) <= tokens * frames


@given(TOKENS, FRAMES)
def test_rate_zero_keeps_all(tokens: int, frames: int) -> None:
    assert retained_tokens(tokens, frames, 0.0) == tokens * frames


@given(TOKENS, FRAMES, RATES, RATES)
def test_a_higher_rate_never_keeps_more(tokens: int, frames: int, one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert retained_tokens(tokens, frames, high) <= retained_tokens(tokens, frames, low)


@pytest.mark.parametrize("rate", [1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_a_rate_outside_is_refused_with_its_value(rate: float) -> None:
    with pytest.raises(ValueError, match=rf"^pruning rate {rate} is outside \[0, 1\)$"):
        retained_tokens(4, 3, rate)


@pytest.mark.parametrize(("tokens", "frames"), [(4, 0), (0, 3), (4, -1)])
def test_an_empty_video_is_refused_with_its_sizes(tokens: int, frames: int) -> None:
    with pytest.raises(ValueError, match=f"^an empty video: {frames} frames of {tokens} tokens$"):
        retained_tokens(tokens, frames, 0.5)
