"""The deepstack buffers: what the decoder receives in each step, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steadygraph.reference.deepstack import DeepstackBuffers, add_level, level_key

Refusal = Callable[[Callable[[], object]], str]
Allocations = Callable[[Callable[[], object]], list[int]]
Syncs = Callable[..., list[str]]

LEVELS, CAPACITY, HIDDEN = 3, 32, 4
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def embeddings(num_tokens: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.full((num_tokens, HIDDEN), 0.5, dtype=dtype)


def image(num_tokens: int, levels: int = LEVELS, dtype: torch.dtype = torch.float32) -> Tensor:
    """Row i of level l is 100 * l + i + 1: no row is zero, and each tells where it belongs."""
    rows = 100 * torch.arange(levels)[:, None] + torch.arange(1, num_tokens + 1)
    return rows[:, :, None].expand(levels, num_tokens, HIDDEN).to(dtype)


def numbers(rows: Tensor) -> list[int]:
    """The number in each row, which must fill it."""
    first = rows[:, :1]
    assert torch.equal(rows, first.expand_as(rows))
    return [int(n) for n in first.flatten()]


def received(deepstack: dict[str, Tensor]) -> list[list[int]]:
    return [numbers(rows) for rows in deepstack.values()]


def everything(buffers: DeepstackBuffers) -> Tensor:
    return torch.stack(list(buffers.get(embeddings(buffers.capacity)).values()))


class Table:
    """Steps of the incident, with one level and 32 rows; each returns what the decoder receives."""

    def __init__(self) -> None:
        self.buffers = DeepstackBuffers(1, CAPACITY, HIDDEN)

    def embed(self, scheduled: int, *, with_image: bool) -> None:
        self.buffers.set(image(scheduled, levels=1) if with_image else None, embeddings(scheduled))

    def decode(self, num_tokens: int, start: int | None = None) -> list[int]:
        return numbers(self.buffers.get(embeddings(num_tokens), start)[level_key(0)])

    def text(self, padded: int) -> list[int]:
        self.embed(padded, with_image=False)
        result = self.decode(padded)
        self.buffers.clear()
        return result

    def image(self, scheduled: int, padded: int) -> list[int]:
        self.embed(scheduled, with_image=True)
        result = self.decode(padded)
        self.buffers.clear()
        return result

    def aborted_image(self, scheduled: int) -> None:
        self.embed(scheduled, with_image=True)


ZEROS = [0] * 16
SIXTEEN = list(range(1, 17))


def test_profile_receives_zeros_though_nothing_was_ever_set() -> None:
    assert Table().decode(16) == ZEROS


def test_an_image_without_padding_is_received() -> None:
    assert Table().image(16, 16) == SIXTEEN


def test_a_padded_image_is_received_with_zeros_behind_it() -> None:
    assert Table().image(9, 16) == [1, 2, 3, 4, 5, 6, 7, 8, 9] + [0] * 7


def test_text_after_a_padded_image_receives_zeros() -> None:
    table = Table()
    table.image(9, 16)

    assert table.text(16) == ZEROS


def test_text_after_an_aborted_image_receives_zeros() -> None:
    table = Table()
    table.aborted_image(16)

    assert table.text(16) == ZEROS


def test_nothing_leaks_for_good_from_an_aborted_image_through_a_shorter_one() -> None:
    table = Table()
    table.aborted_image(16)

    assert table.image(4, 8) == [1, 2, 3, 4, 0, 0, 0, 0]
    assert table.text(16) == ZEROS


def test_micro_batches_receive_the_rows_that_are_theirs() -> None:
    table = Table()
    table.embed(16, with_image=True)

    halves = [table.decode(8, start=0), table.decode(8, start=8)]
    table.buffers.clear()

    assert halves == [SIXTEEN[:8], SIXTEEN[8:]]
    assert table.text(16) == ZEROS


@pytest.mark.parametrize(("scheduled", "padded"), [(9, 16), (309, 320), (479, 480)])
def test_the_roundings_of_the_incident_are_received(scheduled: int, padded: int) -> None:
    buffers = DeepstackBuffers(LEVELS, 512, HIDDEN)

    buffers.set(image(scheduled), embeddings(scheduled))

    rows = list(range(1, scheduled + 1))
    behind = [0] * (padded - scheduled)
    assert received(buffers.get(embeddings(padded))) == [[100 * level + n for n in rows] + behind for level in range(3)]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_rows_do_not_depend_on_padding_nor_on_the_split_into_micro_batches(data: st.DataObject) -> None:
    scheduled = data.draw(st.integers(1, CAPACITY), "scheduled")
    given_rows = data.draw(st.integers(0, scheduled), "rows of the payload")
    padded = data.draw(st.integers(scheduled, CAPACITY), "padded")
    cuts = sorted(data.draw(st.sets(st.integers(1, padded), max_size=4), "cuts") | {0, padded})
    dtype = data.draw(st.sampled_from(DTYPES), "dtype")
    payload = torch.randn(LEVELS, given_rows, HIDDEN).to(dtype)
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)

    buffers.set(payload, embeddings(scheduled, dtype))
    whole = list(buffers.get(embeddings(padded, dtype)).values())
    parts = [list(buffers.get(embeddings(end - begin, dtype), start=begin).values()) for begin, end in pairwise(cuts)]

    for level in range(LEVELS):
        assert torch.equal(whole[level][:given_rows], payload[level])
        assert not whole[level][given_rows:].any()
        assert torch.equal(torch.cat([part[level] for part in parts]), whole[level])


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_call_gives_the_same_structure(dtype: torch.dtype) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)

    looks = []
    for payload in (None, image(5, dtype=dtype), None):
        buffers.set(payload, embeddings(5, dtype))
        deepstack = buffers.get(embeddings(8, dtype))
        looks.append((type(deepstack), {key: (t.shape, t.dtype, t.device) for key, t in deepstack.items()}))
        buffers.clear()

    rows = (torch.Size([8, HIDDEN]), dtype, torch.device("cpu"))
    keys = ("deepstack_input_embeds_0", "deepstack_input_embeds_1", "deepstack_input_embeds_2")
    assert looks == [(dict, dict.fromkeys(keys, rows))] * 3


def test_between_steps_all_rows_are_zero_and_none_is_valid() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    buffers.set(image(9), embeddings(9))
    during = buffers.num_valid

    buffers.clear()

    assert (during, buffers.num_valid) == (9, 0)
    assert not everything(buffers).any()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_step_that_ends_by_an_exception_leaves_nothing(error: type[BaseException]) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)

    def step() -> None:
        with buffers.step():
            buffers.set(image(9), embeddings(9))
            raise error

    with pytest.raises(error):
        step()

    assert buffers.num_valid == 0
    assert not everything(buffers).any()


def test_a_dummy_run_in_a_step_of_its_own_receives_zeros_after_an_abort() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    buffers.set(image(16), embeddings(16))

    with buffers.step():
        dummy = received(buffers.get(embeddings(8)))

    assert dummy == [[0] * 8] * LEVELS


def test_the_payload_is_copied() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    payload = image(4)
    buffers.set(payload, embeddings(4))

    payload.zero_()

    assert received(buffers.get(embeddings(4)))[0] == [1, 2, 3, 4]


def test_no_gradient_is_kept() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)

    buffers.set(image(4).requires_grad_(), embeddings(4).requires_grad_())

    assert [t.requires_grad for t in buffers.get(embeddings(4)).values()] == [False] * LEVELS


# Memory


def test_all_levels_are_one_allocation(allocations: Allocations) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    inputs_embeds = embeddings(8)

    taken = allocations(lambda: buffers.get(inputs_embeds))

    assert taken == [LEVELS * CAPACITY * HIDDEN * 4]


def test_reading_without_a_payload_allocates_nothing_and_writes_nothing(allocations: Allocations) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    inputs_embeds = embeddings(8)
    before = buffers.get(inputs_embeds)[level_key(0)]._version

    taken = allocations(lambda: buffers.get(inputs_embeds))

    assert taken == []
    assert buffers.get(inputs_embeds)[level_key(0)]._version == before


def test_a_step_allocates_nothing_and_does_not_wait(allocations: Allocations, syncs: Syncs) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    inputs_embeds, payload = embeddings(16), image(9)
    buffers.get(inputs_embeds)

    def step() -> None:
        with buffers.step():
            buffers.set(payload, inputs_embeds[:9])
            buffers.get(inputs_embeds)

    assert allocations(step) == []
    assert syncs(step) == []


def test_memory_grows_before_graphs_are_captured_and_keeps_the_payload() -> None:
    buffers = DeepstackBuffers(LEVELS, 8, HIDDEN)
    buffers.set(image(6), embeddings(6))

    deepstack = buffers.get(embeddings(12))

    assert buffers.capacity == 12
    assert received(deepstack)[0] == [1, 2, 3, 4, 5, 6] + [0] * 6
    buffers.clear()
    assert not everything(buffers).any()


def test_after_freeze_addresses_stay_and_growth_names_the_capacity_to_configure() -> None:
    buffers = DeepstackBuffers(LEVELS, 8, HIDDEN)
    addresses = [t.data_ptr() for t in buffers.get(embeddings(8)).values()]
    buffers.freeze()
    buffers.set(image(6), embeddings(6))

    with pytest.raises(ValueError, match="tokens exceed") as caught:
        buffers.get(embeddings(12))

    assert str(caught.value) == (
        "12 tokens exceed the capacity of 8, and graphs hold the addresses of the buffers: "
        "configure a capacity of at least 12"
    )
    assert [t.data_ptr() for t in buffers.get(embeddings(8)).values()] == addresses
    assert received(buffers.get(embeddings(8)))[0] == [1, 2, 3, 4, 5, 6, 0, 0]


def test_after_freeze_a_step_with_too_many_scheduled_tokens_is_refused_before_it_begins() -> None:
    buffers = DeepstackBuffers(LEVELS, 8, HIDDEN)
    buffers.set(image(6), embeddings(6))
    buffers.freeze()

    with pytest.raises(ValueError, match="9 tokens exceed the capacity of 8"):
        buffers.set(None, embeddings(9))

    assert buffers.num_valid == 6
    assert received(buffers.get(embeddings(8)))[0] == [1, 2, 3, 4, 5, 6, 0, 0]


def test_freezing_before_anything_is_allocated_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is allocated") as caught:
        DeepstackBuffers(LEVELS, 8, HIDDEN).freeze()

    assert str(caught.value) == "nothing is allocated yet: run one step (set or get) before freeze()"


def test_memory_made_in_inference_mode_serves_outside_of_it() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    with torch.inference_mode():
        buffers.set(image(4), embeddings(4))
        inside = received(buffers.get(embeddings(4)))
        buffers.clear()

    with torch.no_grad():
        buffers.set(image(4), embeddings(4))

    assert (
        received(buffers.get(embeddings(4)))
        == inside
        == received({"a": image(4)[0], "b": image(4)[1], "c": image(4)[2]})
    )


# Device and dtype


def test_the_default_device_and_dtype_of_construction_do_not_matter() -> None:
    with torch.device("meta"):
        buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)

    deepstack = buffers.get(embeddings(4, torch.bfloat16))

    assert {(t.device.type, t.dtype) for t in deepstack.values()} == {("cpu", torch.bfloat16)}
    assert received(deepstack) == [[0] * 4] * LEVELS


def test_buffers_follow_a_consumer_from_meta_to_the_cpu_when_text_comes_first() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    assert buffers.get(embeddings(4).to("meta"))[level_key(0)].is_meta

    text = received(buffers.get(embeddings(4)))
    buffers.set(image(3), embeddings(3))

    assert text == [[0] * 4] * LEVELS
    assert received(buffers.get(embeddings(4)))[0] == [1, 2, 3, 0]


def test_an_aborted_step_in_another_dtype_leaves_nothing() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    buffers.set(image(8), embeddings(8))

    buffers.set(None, embeddings(8, torch.float16))

    assert buffers.num_valid == 0
    assert received(buffers.get(embeddings(8, torch.float16))) == [[0] * 8] * LEVELS


def test_after_freeze_another_dtype_is_refused() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    buffers.get(embeddings(4))
    buffers.freeze()

    with pytest.raises(ValueError, match="inputs_embeds are float16") as caught:
        buffers.get(embeddings(4, torch.float16))

    assert str(caught.value) == (
        "inputs_embeds are float16 on cpu, the buffers are float32 on cpu, and graphs hold their addresses: "
        "run a step with embeddings as serving has them before graphs are captured"
    )


# Bad input

BAD_PAYLOADS = {
    "levels": (image(4, levels=2), "the payload has 2 levels, the buffers have 3"),
    "width": (torch.ones(LEVELS, 4, 6), "the payload is 6 wide, the buffers are 4 wide"),
    "rank": (torch.ones(4, HIDDEN), "the payload has 2 dimensions, not the 3 of [levels, tokens, H]"),
    "rows": (image(6), "the payload has 6 rows, 5 tokens are scheduled"),
    "dtype": (image(4, dtype=torch.float16), "the payload is float16 on cpu, inputs_embeds are float32 on cpu"),
    "device": (image(4).to("meta"), "the payload is float32 on meta, inputs_embeds are float32 on cpu"),
}


@pytest.mark.parametrize("name", BAD_PAYLOADS)
def test_a_payload_that_does_not_fit_is_refused_and_changes_nothing(name: str) -> None:
    payload, message = BAD_PAYLOADS[name]
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    buffers.set(image(7), embeddings(7))

    with pytest.raises(ValueError, match="the payload") as caught:
        buffers.set(payload, embeddings(5))

    assert str(caught.value) == message
    assert buffers.num_valid == 7
    assert received(buffers.get(embeddings(8)))[0] == [1, 2, 3, 4, 5, 6, 7, 0]


def test_fewer_padded_tokens_than_scheduled_are_refused(refusal: Refusal) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    buffers.set(image(9), embeddings(9))

    assert refusal(lambda: buffers.get(embeddings(8))) == (
        "8 padded tokens are fewer than the 9 that set() was told are scheduled"
    )
    assert received(buffers.get(embeddings(9)))[0] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_a_reader_of_another_dtype_than_the_payload_is_refused(refusal: Refusal) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    buffers.set(image(9), embeddings(9))

    assert refusal(lambda: buffers.get(embeddings(9, torch.bfloat16))) == (
        "inputs_embeds are bfloat16 on cpu, the payload is float32 on cpu"
    )


def test_a_micro_batch_before_the_first_row_is_refused(refusal: Refusal) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)

    assert refusal(lambda: buffers.get(embeddings(4), start=-2)) == (
        "a micro-batch starts at row -2, and the first row is 0"
    )


@pytest.mark.parametrize("method", ["set", "get"])
def test_embeddings_of_another_width_are_refused(refusal: Refusal, method: str) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    wide = torch.ones(4, 6)
    action = (lambda: buffers.set(None, wide)) if method == "set" else (lambda: buffers.get(wide))

    assert refusal(action) == "inputs_embeds have shape [4, 6], the buffers take [n, 4]"


@pytest.mark.parametrize("name", ["levels", "capacity", "hidden_size"])
def test_sizes_below_one_are_refused(refusal: Refusal, name: str) -> None:
    sizes = {"levels": LEVELS, "capacity": CAPACITY, "hidden_size": HIDDEN, name: 0}

    assert refusal(lambda: DeepstackBuffers(**sizes)) == f"{name} is 0, and must be at least 1"


# The decoder's side


def test_levels_are_added_after_their_layers_and_to_no_other() -> None:
    hidden_states = embeddings(2)
    deepstack = {level_key(level): image(2)[level] for level in range(LEVELS)}

    sums = [add_level(hidden_states, deepstack, layer) for layer in range(5)]

    assert [s[:, 0].tolist() for s in sums] == [[1.5, 2.5], [101.5, 102.5], [201.5, 202.5], [0.5, 0.5], [0.5, 0.5]]


def test_a_batch_of_one_in_front_is_kept() -> None:
    deepstack = {level_key(0): image(2)[0]}

    assert add_level(embeddings(2)[None], deepstack, 0)[0, :, 0].tolist() == [1.5, 2.5]


def test_rows_that_would_be_broadcast_are_refused(refusal: Refusal) -> None:
    deepstack = {level_key(0): image(1)[0]}

    assert refusal(lambda: add_level(embeddings(4), deepstack, 0)) == (
        "level 0 has shape [1, 4], the hidden states have [4, 4]"
    )
