"""Which items of two sequences belong together."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from steadygraph.report.html.picture.alignment import aligned, aligned_in_gaps

sequences = st.lists(st.sampled_from("abcd"), max_size=14)


def longest(before: list[str], now: list[str]) -> int:
    """The length of a longest common subsequence, by the recurrence that defines it."""
    table = [[0] * (len(now) + 1) for _ in range(len(before) + 1)]
    for i, j in itertools.product(range(len(before)), range(len(now))):
        same = before[i] == now[j]
        table[i + 1][j + 1] = table[i][j] + 1 if same else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def is_increasing(pairs: list[tuple[int, int]]) -> bool:
    return all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(pairs))


@given(sequences, sequences)
def test_the_alignment_is_as_long_as_the_longest_common_subsequence(before: list[str], now: list[str]) -> None:
    pairs = aligned(before, now)

    assert all(before[i] == now[j] for i, j in pairs)
    assert is_increasing(pairs)
    assert len(pairs) == longest(before, now)


def test_an_item_that_came_in_between_moves_what_is_behind_it() -> None:
    assert aligned("abc", "abxc") == [(0, 0), (1, 1), (2, 3)]


@given(sequences, sequences)
def test_what_is_aligned_in_gaps_keeps_the_pairs_that_were_there(before: list[str], now: list[str]) -> None:
    first = aligned(before, now)

    pairs = aligned_in_gaps(first, ["x"] * len(before), ["x"] * len(now))

    assert set(first) <= set(pairs)
    assert is_increasing(pairs)


def test_gaps_are_aligned_by_something_else() -> None:
    pairs = aligned_in_gaps([(1, 1)], ["k", "-", "m"], ["k", "-", "n", "m"])

    assert pairs == [(0, 0), (1, 1), (2, 3)]
