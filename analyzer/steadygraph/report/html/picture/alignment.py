"""Which items of two sequences belong together: a longest common subsequence, fast enough for whole graphs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

Pair = tuple[int, int]


def aligned(before: Sequence[Hashable], now: Sequence[Hashable]) -> list[Pair]:
    """Positions of a longest common subsequence, in order.

    Two sequences of 10,000 items take 0.1 s and 13 MB, whatever is in them.

    Source: H. Hyyrö, Bit-parallel LCS-length computation revisited, AWOCA 2004; the bits of every row are kept to find
    the way back.
    """
    start, stop = _equal_ends(before, now)
    ends = [(len(before) - n, len(now) - n) for n in range(stop, 0, -1)]
    middle = _middle(before[start : len(before) - stop], now[start : len(now) - stop])
    return [(n, n) for n in range(start)] + [(i + start, j + start) for i, j in middle] + ends


def aligned_in_gaps(pairs: Sequence[Pair], before: Sequence[Hashable], now: Sequence[Hashable]) -> list[Pair]:
    """These pairs, and what can be aligned of the items between them."""
    found: list[Pair] = []
    i = j = 0
    for next_i, next_j in [*pairs, (len(before), len(now))]:
        if i < next_i and j < next_j:
            found += [(i + a, j + b) for a, b in aligned(before[i:next_i], now[j:next_j])]
        found.append((next_i, next_j))
        i, j = next_i + 1, next_j + 1
    return found[:-1]


def _equal_ends(before: Sequence[Hashable], now: Sequence[Hashable]) -> Pair:
    shorter = min(len(before), len(now))
    start = next((n for n in range(shorter) if before[n] != now[n]), shorter)
    stop = next((n for n in range(shorter - start) if before[-1 - n] != now[-1 - n]), shorter - start)
    return start, stop


def _middle(before: Sequence[Hashable], now: Sequence[Hashable]) -> list[Pair]:
    """Bit i of a row is 0 where the common subsequence grows at ``before[i]``."""
    places: dict[Hashable, int] = {}
    for i, item in enumerate(before):
        places[item] = places.get(item, 0) | 1 << i
    ones = (1 << len(before)) - 1
    rows, row = [ones], ones
    for item in now:
        common = row & places.get(item, 0)
        row = (row + common | row - common) & ones
        rows.append(row)
    return _way_back(rows, len(before))


def _way_back(rows: list[int], length: int) -> list[Pair]:
    pairs: list[Pair] = []
    i, j = length, len(rows) - 1
    while i and j:
        if rows[j] >> i - 1 & 1:
            i -= 1
        elif not rows[j - 1] >> i - 1 & 1:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]
