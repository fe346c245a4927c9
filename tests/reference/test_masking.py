"""Merging rows through a mask, against plain indexing; what is refused; what it does not do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._dynamo.testing import CompileCounter

from steadygraph.accelerator import simulated
from steadygraph.reference.masking import check_count, merge_rows

Refusal = Callable[[Callable[[], object]], str]
Allocations = Callable[[Callable[[], object]], list[int]]
Syncs = Callable[..., list[str]]

HIDDEN = 4
DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.float64]


def text(num_tokens: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Row i is -(i + 1)."""
    return -torch.arange(1, num_tokens + 1)[:, None].expand(num_tokens, HIDDEN).to(dtype).clone()


def rows(*values: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=dtype)[:, None].expand(len(values), HIDDEN)


def bits(pattern: str) -> Tensor:
    return torch.tensor([bit == "1" for bit in pattern], dtype=torch.bool)


def test_selected_rows_are_replaced_in_order_and_the_others_stay() -> None:
    embeds = text(6)

    merge_rows(embeds, bits("011010"), [rows(10, 20), rows(30)])

    assert embeds[:, 0].tolist() == [-1, 10, 20, -4, 30, -6]


def test_it_happens_in_place() -> None:
    embeds = text(3)
    address = embeds.data_ptr()

    merge_rows(embeds, bits("101"), rows(10, 20), counts=[2])

    assert (embeds.data_ptr(), embeds[:, 0].tolist()) == (address, [10, -2, 20])


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_it_is_assignment_through_the_mask(data: st.DataObject) -> None:
    mask = torch.tensor(data.draw(st.lists(st.booleans(), max_size=12), "mask"), dtype=torch.bool)
    total = int(mask.sum())
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=3), "cuts"))
    lengths = [end - begin for begin, end in zip([0, *cuts], [*cuts, total], strict=True)]
    dtype = data.draw(st.sampled_from(DTYPES), "dtype")
    items = [torch.randn(length, HIDDEN).to(data.draw(st.sampled_from(DTYPES))) for length in lengths]
    counted = data.draw(st.booleans(), "counts are given")
    embeds = torch.randn(len(mask), HIDDEN).to(dtype)
    expected = embeds.clone()
    expected[mask] = torch.cat([item.to(dtype) for item in items])

    count = merge_rows(embeds, mask, items, lengths if counted else None)

    assert torch.equal(embeds, expected)
    assert int(count) == total


def test_more_rows_than_are_converted_at_a_time_are_converted() -> None:
    embeds = torch.zeros(5000, 2)
    mask = torch.arange(5000) % 2 == 0
    numbers = torch.arange(2500, dtype=torch.float64)[:, None].expand(2500, 2)

    merge_rows(embeds, mask, numbers)

    assert torch.equal(embeds[::2], numbers.float())
    assert not embeds[1::2].any()


@pytest.mark.parametrize("pattern", ["0000", "0110"])
def test_an_empty_list_changes_nothing_whatever_the_mask(pattern: str) -> None:
    embeds = text(4)

    count = merge_rows(embeds, bits(pattern), [])

    assert embeds[:, 0].tolist() == [-1, -2, -3, -4]
    check_count(count, [])


def test_gradients_reach_the_rows() -> None:
    image = rows(10, 20).clone().requires_grad_()
    embeds = text(3).requires_grad_() * 1

    merge_rows(embeds, bits("101"), image)
    (embeds * torch.tensor([1.0, 2.0, 3.0])[:, None]).sum().backward()

    assert image.grad is not None
    assert image.grad[:, 0].tolist() == [1, 3]


# Counts

MISCOUNTED = {
    "mask on the host, one tensor": (
        (bits("0110"), rows(1, 2, 3), None),
        "the mask selects 2 tokens, 3 rows are given",
    ),
    "mask on the host, items": (
        (bits("0110"), [rows(1), rows(2, 3)], None),
        "the mask selects 2 tokens, 2 items give 1 + 2 = 3 rows",
    ),
    "an item": (
        (bits("0110"), [rows(1), rows(2, 3)], [1, 1]),
        "item 1 has 2 rows, its placeholder has 1",
    ),
    "number of items": (
        (bits("0110"), [rows(1, 2)], [1, 1]),
        "2 placeholders are counted, 1 items are given",
    ),
    "an item is missing": (
        (bits("0110"), [], [2]),
        "1 placeholders are counted, 0 items are given",
    ),
    "more than there are tokens": (
        (bits("0110"), [rows(1, 2, 3, 4, 5)], [5]),
        "the placeholders have 5 tokens, inputs_embeds have 4 rows",
    ),
}


@pytest.mark.parametrize("name", MISCOUNTED)
def test_counts_that_differ_are_refused_and_nothing_is_written(refusal: Refusal, name: str) -> None:
    (mask, items, counts), message = MISCOUNTED[name]
    embeds = text(4)

    assert refusal(lambda: merge_rows(embeds, mask, items, counts)) == message
    assert embeds[:, 0].tolist() == [-1, -2, -3, -4]


@pytest.mark.parametrize("first", ["0", "1"])
def test_a_mask_that_selects_fewer_than_was_counted_leaves_the_last_rows_out(refusal: Refusal, first: str) -> None:
    embeds = text(4)
    expected = [10, -2, 20, -4] if first == "1" else [-1, -2, 10, -4]

    count = merge_rows(embeds, bits(f"{first}010"), rows(10, 20, 30), counts=[3])

    assert embeds[:, 0].tolist() == expected
    assert refusal(lambda: check_count(count, rows(10, 20, 30))) == (
        f"the mask selected {1 + int(first)} tokens, 3 rows are given"
    )


def test_a_mask_that_selects_more_than_was_counted_leaves_the_last_tokens_alone(refusal: Refusal) -> None:
    embeds, items = text(4), [rows(10), rows(20)]

    count = merge_rows(embeds, bits("0111"), items, counts=[1, 1])

    assert embeds[:, 0].tolist() == [-1, 10, 20, -4]
    assert refusal(lambda: check_count(count, items)) == "the mask selected 3 tokens, 2 items give 1 + 1 = 2 rows"


def test_a_right_count_passes_the_late_check() -> None:
    check_count(merge_rows(text(3), bits("011"), rows(1, 2), counts=[2]), rows(1, 2))


# Bad input

UNFIT = {
    "rank of the embeddings": (
        (torch.ones(1, 4, HIDDEN), bits("0110"), rows(1, 2)),
        "inputs_embeds have 3 dimensions, not the 2 of [tokens, H]",
    ),
    "length of the mask": ((text(4), bits("011"), rows(1, 2)), "the mask has shape [3], inputs_embeds have 4 rows"),
    "dtype of the mask": ((text(4), bits("0110").long(), rows(1, 2)), "the mask is int64, not bool"),
    "device of the mask": (
        (text(4), bits("0110").to("meta"), rows(1, 2)),
        "the mask is on meta, inputs_embeds are on cpu",
    ),
    "width of an item": (
        (text(4), bits("0110"), [rows(1), torch.ones(1, 3)]),
        "item 1 has shape [1, 3], inputs_embeds are 4 wide",
    ),
    "device of an item": (
        (text(4), bits("0110"), [rows(1).to("meta"), rows(2)]),
        "item 0 is on meta, inputs_embeds are on cpu",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_is_refused(refusal: Refusal, name: str) -> None:
    arguments, message = UNFIT[name]

    assert refusal(lambda: merge_rows(*arguments)) == message


# Cost


def test_with_counts_no_value_is_read(syncs: Syncs) -> None:
    embeds, mask, items = text(6), bits("011010"), [rows(10, 20), rows(30)]

    assert syncs(lambda: merge_rows(embeds, mask, items, [2, 1])) == []


def test_plain_assignment_would_be_noticed(syncs: Syncs) -> None:
    embeds, mask = text(6), bits("011010")

    def assign() -> None:
        embeds[mask] = rows(10, 20, 30)

    assert syncs(assign) == ["assignment through a bool mask"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["same dtype", "converted"])
def test_no_temporary_is_as_large_as_the_embeddings_even_if_all_are_replaced(
    allocations: Allocations, dtype: torch.dtype
) -> None:
    num_tokens, width = 4096, 64
    embeds, mask = torch.zeros(num_tokens, width), torch.ones(num_tokens, dtype=torch.bool)
    items = torch.ones(num_tokens, width, dtype=dtype)

    taken = allocations(lambda: merge_rows(embeds, mask, items, [num_tokens]))

    assert embeds.sum() == num_tokens * width
    assert max(taken) <= 1024 * width * embeds.element_size()
    assert max(taken) < embeds.nbytes / 2


def test_one_graph_merges_any_number_of_tokens() -> None:
    counter = CompileCounter()
    compiled = torch.compile(merge_rows, backend=counter, fullgraph=True)

    for num_tokens in (8, 9, 12):
        embeds, mask = text(num_tokens), torch.zeros(num_tokens, dtype=torch.bool)
        mask[num_tokens - 3 :] = True
        torch._dynamo.mark_dynamic(embeds, 0)
        torch._dynamo.mark_dynamic(mask, 0)
        compiled(embeds, mask, [rows(10), rows(20, 30, dtype=torch.bfloat16)], [1, 2])

        assert embeds[-4:, 0].tolist() == [3 - num_tokens, 10, 20, 30]
    assert counter.frame_count == 1


def test_inductor_merges_as_eager_does() -> None:
    embeds, mask = text(6), bits("011010")

    torch.compile(merge_rows, fullgraph=True)(embeds, mask, [rows(10, 20), rows(30)], [2, 1])

    assert embeds[:, 0].tolist() == [-1, 10, 20, -4, 30, -6]


# On a device, whose values the host does not have: reading one raises


@pytest.mark.parametrize("place", ["cpu", "cuda"])
def test_a_mask_on_either_side_merges_into_embeddings_on_a_device_without_waiting(syncs: Syncs, place: str) -> None:
    with simulated():
        embeds, mask = torch.ones(6, HIDDEN, device="cuda"), bits("011010").to(place)
        items = [torch.ones(2, HIDDEN, device="cuda", dtype=torch.bfloat16), torch.ones(1, HIDDEN, device="cuda")]

        count = merge_rows(embeds, mask, items, [2, 1])
        waits = syncs(lambda: merge_rows(embeds, mask, items, [2, 1]), device="cuda")

        assert str(count.device) == "cuda:0"
        assert waits == []


@pytest.mark.parametrize("counts", [None, [3]])
def test_a_mask_on_the_host_is_counted_there(refusal: Refusal, counts: list[int] | None) -> None:
    with simulated():
        embeds, items = torch.ones(4, HIDDEN, device="cuda"), torch.ones(3, HIDDEN, device="cuda")

        message = refusal(lambda: merge_rows(embeds, bits("0110"), items, counts))

    assert message == "the mask selects 2 tokens, 3 rows are given"


def test_a_mask_on_the_host_goes_through_pinned_memory_and_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy from other memory, or one that is not non_blocking, waits for what the device still has to do."""
    pinned, copies, to = [], [], Tensor.to

    def pin(tensor: Tensor) -> Tensor:
        pinned.append(tensor.clone())
        return pinned[-1]

    def copy(tensor: Tensor, *args: object, **options: object) -> Tensor:
        result = to(tensor, *args, **options)
        if tensor.device.type == "cpu" and result.device.type == "cuda":
            copies.append((any(tensor is one for one in pinned), options))
        return result

    with simulated(), monkeypatch.context() as patch:
        embeds, items = torch.ones(4, HIDDEN, device="cuda"), torch.ones(2, HIDDEN, device="cuda")
        patch.setattr(Tensor, "pin_memory", pin)
        patch.setattr(Tensor, "to", copy)

        merge_rows(embeds, bits("0110"), items)

    assert copies == [(True, {"non_blocking": True})]


def test_a_mask_on_a_device_needs_counts(refusal: Refusal) -> None:
    with simulated():
        embeds, items = torch.ones(4, HIDDEN, device="cuda"), torch.ones(2, HIDDEN, device="cuda")

        message = refusal(lambda: merge_rows(embeds, bits("0110").cuda(), items))

    assert message == (
        "the mask is on cuda:0, where its tokens cannot be counted without waiting: "
        "pass counts, the length of each item's placeholder"
    )


def test_the_late_check_is_what_waits() -> None:
    with simulated():
        embeds, items = torch.ones(4, HIDDEN, device="cuda"), torch.ones(2, HIDDEN, device="cuda")
        count = merge_rows(embeds, bits("0110").cuda(), items, [2])

        with pytest.raises(RuntimeError, match="the values of a tensor on a simulated device are not known"):
            check_count(count, items)
