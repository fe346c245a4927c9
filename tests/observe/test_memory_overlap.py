"""Which tensors have memory in common: held against the sets of their elements."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.compare.structure import differences
from steadygraph.model import Aspect
from steadygraph.observe.inputs.memory import overlapping
from steadygraph.observe.inputs.structure import capture_call

LENGTH = 40
#: (sizes, strides, offset) of views of 40 elements.
VIEWS = st.tuples(
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 6)), min_size=1, max_size=3), st.integers(0, 8)
).map(lambda found: (tuple(n for n, _ in found[0]), tuple(step for _, step in found[0]), found[1]))


def elements(view: tuple[tuple[int, ...], tuple[int, ...], int]) -> set[int]:
    sizes, steps, offset = view
    positions = itertools.product(*map(range, sizes))
    return {offset + sum(at * step for at, step in zip(each, steps, strict=True)) for each in positions}


@given(VIEWS, VIEWS)
def test_two_views_overlap_if_they_have_an_element_in_common(one: object, other: object) -> None:
    memory = torch.zeros(LENGTH + 8)
    tensors = [(name, memory.as_strided(*view)) for name, view in (("a", one), ("b", other))]

    found = overlapping(tensors)

    assert found == ((("a", "b"),) if elements(one) & elements(other) else ())


def test_tensors_of_different_memory_and_one_tensor_in_two_places_do_not_overlap() -> None:
    tensor = torch.zeros(4)

    assert (
        overlapping([("a", tensor), ("b", tensor), ("c", torch.zeros(4)), ("d", torch.zeros(4, device="meta"))]) == ()
    )


def test_arguments_that_overlap_in_one_call_only_are_a_difference_of_the_second() -> None:
    memory = torch.zeros(8)
    apart = capture_call((memory[:4],), {"cache": {"keys": memory[4:]}})
    overlap = capture_call((memory[:4],), {"cache": {"keys": memory[2:6]}})

    found = [differences(*pair) for pair in ((apart, overlap), (overlap, apart), (overlap, overlap))]

    path = "kwargs['cache']['keys']"
    assert [[(d.path, d.aspect, d.profile, d.serving) for d in each] for each in found] == [
        [(path, Aspect.ALIASING, "apart from args[0]", "overlaps args[0]")],
        [(path, Aspect.ALIASING, "overlaps args[0]", "apart from args[0]")],
        [],
    ]


def test_an_argument_that_is_absent_in_one_call_is_no_difference_of_memory() -> None:
    memory = torch.zeros(8)
    alone, both = capture_call((memory,), {}), capture_call((memory, memory[:2]), {})

    assert [d.aspect for d in differences(alone, both)] == [Aspect.PRESENCE]
