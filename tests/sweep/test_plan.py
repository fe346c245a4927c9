"""Which targets a run does, in which order, and how many at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.errors import UsageError
from steadygraph.model import Status
from steadygraph.sweep.entry import Entry
from steadygraph.sweep.plan import Room, Shard, longest_first
from steadygraph.workers.pool import Request

MIB = 1 << 20


def took(target: str, seconds: float) -> Entry:
    return Entry(target, "", "", Status.COMPLETED, None, 0, 0, 0, 0, {}, {}, seconds, None)


@given(st.lists(st.text(), unique=True), st.integers(1, 9))
def test_each_target_is_in_exactly_one_of_the_shards(names: list[str], of: int) -> None:
    requests = [Request(name) for name in names]

    parts = [Shard(number, of).part(requests) for number in range(1, of + 1)]

    assert sorted(one.target for part in parts for one in part) == sorted(names)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3/2", "there is no shard 3 of 2\n  hint: write i/n, such as 2/8 for the second of eight: i is from 1 to n"),
        ("0/2", "there is no shard 0 of 2\n  hint: write i/n, such as 2/8 for the second of eight: i is from 1 to n"),
        ("half", "shard is 'half'\n  hint: write i/n, such as 2/8 for the second of eight"),
        ("1/2/3", "shard is '1/2/3'\n  hint: write i/n, such as 2/8 for the second of eight"),
    ],
)
def test_a_shard_that_is_none_is_told(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Shard.parsed(text)

    assert str(caught.value) == said


def test_what_took_longest_begins_first_and_what_is_new_before_all() -> None:
    requests = [Request("short"), Request("new"), Request("long"), Request("as long")]
    last = {"short": took("short", 1.0), "long": took("long", 9.0), "as long": took("as long", 9.0)}

    ordered = longest_first(requests, last, {one.target: one.target for one in requests})

    assert [one.target for one in ordered] == ["new", "long", "as long", "short"]


def test_no_more_run_at_once_than_fit() -> None:
    requests = [Request("large"), Request("small"), Request("unknown")]
    room = Room(requests, [720 * MIB, 80 * MIB, None], 1000 * MIB, limit_bytes=None, jobs=2)

    # 900, 100 and, as nobody knows, half of the whole
    assert room.fits([0], 1)
    assert not room.fits([0], 2)
    assert room.fits([1], 2)
    assert not room.fits([0, 1], 2)


def test_what_needed_more_than_its_share_has_a_larger_limit_unless_one_was_given() -> None:
    requests = [Request("large"), Request("small")]

    free = Room(requests, [720 * MIB, 80 * MIB], 1000 * MIB, limit_bytes=None, jobs=2)
    given = Room(requests, [720 * MIB, 80 * MIB], 1000 * MIB, limit_bytes=300 * MIB, jobs=2)

    assert [one.memory_limit_bytes for one in free.requests] == [900 * MIB, None]
    assert [one.memory_limit_bytes for one in given.requests] == [None, None]
