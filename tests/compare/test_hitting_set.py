"""The smallest choice of guards, held against all choices that there are."""

from __future__ import annotations

from itertools import chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from steadygraph.compare.hitting_set import smallest

OFFERS = st.dictionaries(st.integers(0, 9), st.frozensets(st.integers(0, 7)), max_size=9)


def fewest(meets):
    """By trying every choice."""
    rows = frozenset(chain.from_iterable(meets.values()))
    sizes = range(len(meets) + 1)
    choices = (choice for size in sizes for choice in combinations(meets, size))
    return next(len(c) for c in choices if rows <= frozenset(chain.from_iterable(meets[each] for each in c)))


@given(OFFERS)
def test_a_choice_meets_every_row_and_none_is_smaller(meets):
    found = smallest(meets)

    assert frozenset(chain.from_iterable(meets.values())) <= frozenset(
        chain.from_iterable(meets[each] for each in found.chosen)
    )
    assert len(found.chosen) == fewest(meets)
    assert found.exact


@given(OFFERS)
def test_a_search_that_is_cut_short_meets_every_row_and_its_bound_is_true(meets):
    found = smallest(meets, most_steps=1)

    assert frozenset(chain.from_iterable(meets.values())) <= frozenset(
        chain.from_iterable(meets[each] for each in found.chosen)
    )
    assert found.at_least <= fewest(meets) <= len(found.chosen)


def test_of_two_guards_that_do_the_same_the_first_one_is_chosen():
    assert smallest({"type": {"image"}, "none": {"image"}}).chosen == ("type",)


def test_greed_is_not_enough_where_two_guards_share_what_three_have():
    # The greedy choice takes "big" first and then needs both of the others: the classic example.
    meets = {"big": {1, 2, 3, 4}, "left": {1, 2, 5}, "right": {3, 4, 6}}

    assert smallest(meets).chosen == ("left", "right")


def test_nothing_to_protect_wants_no_guard():
    assert smallest({"x": set[str]()}).chosen == ()
