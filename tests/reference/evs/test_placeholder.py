"""The tokens of a video in a prompt: as many before pruning is known as after it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.reference.evs import Placeholder

START, VIDEO, END = 90, 91, 92
#: Three frames of 2 x 2 tokens, two ids for each timestamp.
EXAMPLE = Placeholder((3, 4, 4), 2, ((1, 2), (1, 3), (1, 4)), START, VIDEO, END)


@st.composite
def placeholders(draw: st.DrawFn) -> Placeholder:
    frames, merge = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    timestamp = st.lists(st.integers(0, 80), max_size=4).map(tuple)
    timestamps = draw(st.lists(timestamp, min_size=frames, max_size=frames))
    return Placeholder((frames, rows * merge, columns * merge), merge, tuple(timestamps), START, VIDEO, END)


def test_the_worked_example() -> None:
    ids = EXAMPLE.ids([4, 1, 1])

    assert ids == [1, 2, 90, 91, 91, 91, 91, 92, 1, 3, 90, 91, 92, 1, 4, 90, 91, 92]
    assert len(ids) == 18 == EXAMPLE.length(0.5)


def test_at_prompt_time_all_video_tokens_stand_in_the_first_frame() -> None:
    assert EXAMPLE.prompt_ids(0.5) == [1, 2, 90, *[91] * 6, 92, 1, 3, 90, 92, 1, 4, 90, 92]


def test_without_pruning_every_frame_has_its_tokens() -> None:
    assert EXAMPLE.ids([4, 4, 4]).count(VIDEO) == 12
    assert EXAMPLE.length(0.0) == len(EXAMPLE.ids([4, 4, 4])) == 24


@given(placeholders(), st.floats(0, 1, exclude_max=True))
def test_the_prompt_is_as_long_as_was_said_and_has_one_start_and_one_end_for_each_frame(
    placeholder: Placeholder, rate: float
) -> None:
    ids = placeholder.prompt_ids(rate)

    assert len(ids) == placeholder.length(rate)
    assert ids.count(START) == ids.count(END) == placeholder.frames


@given(placeholders(), st.data())
def test_the_ids_are_as_long_wherever_the_kept_tokens_are(placeholder: Placeholder, data: st.DataObject) -> None:
    tokens = placeholder.frames * placeholder.tokens_per_frame
    rate = data.draw(st.floats(0, 1, exclude_max=True))
    total = placeholder.length(rate) - placeholder.text_tokens
    chosen = data.draw(st.permutations(range(tokens)))[:total]
    kept = [sum(i // placeholder.tokens_per_frame == f for i in chosen) for f in range(placeholder.frames)]

    assert len(placeholder.ids(kept)) == len(placeholder.prompt_ids(rate))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Placeholder((3, 4, 4), 2, ((1,), (2,)), 7, 8, 9), "2 timestamps for 3 frames"),
        (
            lambda: Placeholder((3, 4, 6), 4, ((), (), ()), 7, 8, 9),
            "width 6 of grid (3, 4, 6) is no multiple of the merge size 4",
        ),
        (lambda: Placeholder((0, 4, 4), 2, (), 7, 8, 9), "an empty video: grid (0, 4, 4) has a size below 1"),
        (lambda: EXAMPLE.length(1.0), "pruning rate 1.0 is outside [0, 1)"),
        (lambda: EXAMPLE.prompt_ids(-0.5), "pruning rate -0.5 is outside [0, 1)"),
        (lambda: EXAMPLE.ids([4, 2]), "2 numbers of kept tokens for 3 frames"),
        (lambda: EXAMPLE.ids([4, 3, -1]), "a frame cannot keep -1 tokens, the least is 0"),
    ],
    ids=["timestamps", "merge", "frames", "rate", "prompt rate", "kept", "negative"],
)
def test_what_does_not_fit_is_refused_with_both_numbers(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
