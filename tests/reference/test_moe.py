"""The permute scratch against a plain loop over tokens; what is refused; what it does not do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._dynamo.testing import CompileCounter

from steadygraph.accelerator import simulated
from steadygraph.reference.moe import Permuted, PermuteScratch

Refusal = Callable[[Callable[[], object]], str]
Allocations = Callable[[Callable[[], object]], list[int]]
Syncs = Callable[..., list[str]]

HIDDEN, EXPERTS, TOPK = 4, 5, 2


def scratch(max_tokens: int = 16, dtype: torch.dtype = torch.float32, device: str = "cpu") -> PermuteScratch:
    return PermuteScratch(max_tokens, TOPK, HIDDEN, EXPERTS, dtype=dtype, device=device)


def routed(num_tokens: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens, the experts that they choose, and with which weights."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(num_tokens, EXPERTS, generator=generator)
    weights, ids = scores.topk(TOPK, dim=1)
    return torch.randn(num_tokens, HIDDEN, generator=generator).to(dtype), ids, weights


def expert(index: int, rows: Tensor) -> Tensor:
    return rows * (index + 1)


def through_scratch(memory: PermuteScratch, hidden_states: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    permuted = memory.permute(hidden_states, ids)
    made = torch.empty_like(permuted.rows)
    for index in range(EXPERTS):
        begin, end = permuted.expert_offsets[index : index + 2].tolist()
        made[begin:end] = expert(index, permuted.rows[begin:end])
    return memory.unpermute(made, permuted.positions, weights)


def by_loop(hidden_states: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    """Token by token in float64."""
    out = torch.zeros(hidden_states.shape, dtype=torch.float64)
    for token, (chosen, weight) in enumerate(zip(ids.tolist(), weights.tolist(), strict=True)):
        for index, w in zip(chosen, weight, strict=True):
            out[token] += w * expert(index, hidden_states[token]).double()
    return out


def test_tokens_of_one_expert_stand_side_by_side_in_their_order() -> None:
    hidden_states = torch.tensor([10.0, 20.0, 30.0])[:, None].expand(3, HIDDEN)

    permuted = scratch().permute(hidden_states, torch.tensor([[3, 0], [0, 4], [3, 0]]))

    assert permuted.rows[:, 0].tolist() == [10, 20, 30, 10, 30, 20]
    assert permuted.expert_offsets.tolist() == [0, 3, 3, 3, 5, 6]
    assert permuted.positions.tolist() == [[3, 0], [1, 5], [4, 2]]


def test_results_are_sums_by_weight() -> None:
    rows = torch.tensor([1.0, 2.0, 4.0, 8.0])[:, None].expand(4, HIDDEN)
    positions, weights = torch.tensor([[3, 0], [1, 2]]), torch.tensor([[0.5, 0.25], [1.0, 2.0]])

    out = scratch().unpermute(rows, positions, weights)

    assert out[:, 0].tolist() == [4.25, 10.0]


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_permuting_and_back_is_the_loop_over_tokens(data: st.DataObject) -> None:
    num_tokens = data.draw(st.integers(0, 9), "tokens")
    topk = data.draw(st.integers(1, 3), "top-k")
    experts = data.draw(st.integers(1, EXPERTS), "experts")
    dtype = data.draw(st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]), "dtype")
    chosen = st.lists(st.integers(0, experts - 1), min_size=topk, max_size=topk)
    choices = data.draw(st.lists(chosen, min_size=num_tokens, max_size=num_tokens), "choices")
    id_dtype = data.draw(st.sampled_from([torch.int32, torch.int64]), "dtype of ids")
    ids = torch.tensor(choices, dtype=id_dtype).reshape(num_tokens, topk)
    hidden_states, weights = torch.randn(num_tokens, HIDDEN).to(dtype), torch.rand(num_tokens, topk)
    memory = PermuteScratch(9, topk, HIDDEN, experts, dtype=dtype, device="cpu")

    permuted = memory.permute(hidden_states, ids)
    bounds = permuted.expert_offsets.tolist()
    made = permuted.rows.clone()
    for index in range(experts):
        made[bounds[index] : bounds[index + 1]] = expert(index, made[bounds[index] : bounds[index + 1]])
    out = memory.unpermute(made, permuted.positions, weights)

    assert (bounds[0], bounds[-1], bounds) == (0, num_tokens * topk, sorted(bounds))
    assert sorted(permuted.positions.flatten().tolist()) == list(range(num_tokens * topk))
    assert torch.equal(permuted.rows[permuted.positions], hidden_states[:, None].expand(num_tokens, topk, HIDDEN))
    torch.testing.assert_close(out, by_loop(hidden_states, ids, weights).to(dtype), rtol=2e-2, atol=2e-2)
    if dtype == torch.float32:
        torch.testing.assert_close(out, by_loop(hidden_states, ids, weights).to(dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sums_of_short_dtypes_are_rounded_once(dtype: torch.dtype) -> None:
    memory = PermuteScratch(1, 4, 1, 4, dtype=dtype, device="cpu")
    rows, positions = torch.tensor([[2048.0], [1.0], [1.0], [-2048.0]], dtype=dtype), torch.arange(4)[None]

    out = memory.unpermute(rows, positions, torch.ones(1, 4))

    assert out.tolist() == [[2.0]]


def test_rows_beyond_those_of_the_call_never_influence_a_result() -> None:
    hidden_states, ids, weights = routed(3)
    expected = through_scratch(scratch(), hidden_states, ids, weights).clone()
    memory = scratch()
    large = memory.permute(torch.full((16, HIDDEN), float("nan")), routed(16)[1])
    memory.unpermute(large.rows, large.positions, routed(16)[2])

    permuted = memory.permute(hidden_states, ids)
    made = torch.full((32, HIDDEN), float("nan"))
    for index in range(EXPERTS):
        begin, end = permuted.expert_offsets[index : index + 2].tolist()
        made[begin:end] = expert(index, permuted.rows[begin:end])
    out = memory.unpermute(made, permuted.positions, weights)

    assert torch.equal(out, expected)
    assert permuted.rows.shape == (6, HIDDEN)


def test_a_call_without_tokens_has_no_rows_of_an_earlier_one() -> None:
    memory = scratch()
    memory.permute(*routed(4)[:2])

    permuted = memory.permute(*routed(0)[:2])

    assert permuted.rows.shape == (0, HIDDEN)
    assert permuted.expert_offsets.tolist() == [0] * (EXPERTS + 1)


@pytest.mark.parametrize("num_tokens", [0, 1, 16, 200])
def test_a_call_allocates_nothing_and_does_not_wait(allocations: Allocations, syncs: Syncs, num_tokens: int) -> None:
    memory = scratch(200, dtype=torch.bfloat16)
    hidden_states, ids, weights = routed(num_tokens, torch.bfloat16)

    def call() -> None:
        permuted = memory.permute(hidden_states, ids)
        memory.unpermute(permuted.rows, permuted.positions, weights)

    assert allocations(call) == []
    assert syncs(call) == []


def test_addresses_stay_whatever_the_number_of_tokens() -> None:
    memory = scratch()

    def addresses(num_tokens: int) -> list[int]:
        hidden_states, ids, weights = routed(num_tokens)
        permuted = memory.permute(hidden_states, ids)
        return [t.data_ptr() for t in (*permuted, memory.unpermute(permuted.rows, permuted.positions, weights))]

    assert addresses(16) == addresses(3) == addresses(9)


def test_the_dtype_of_the_scratch_is_that_of_the_results() -> None:
    memory = scratch(dtype=torch.float16)

    out = through_scratch(memory, *routed(4, torch.float16))

    assert (memory.dtype, out.dtype) == (torch.float16, torch.float16)


# Bad input

FITTING = routed(4)
WIDE = torch.ones(4, 6)
UNFIT = {
    "tokens": (routed(20)[:2], "20 tokens, room for 16"),
    "top-k": ((FITTING[0], torch.zeros(4, 3, dtype=torch.int64)), "top-k 3, made for 2"),
    "hidden size": ((WIDE, FITTING[1]), "hidden size 6, made for 4"),
    "dtype": ((FITTING[0].half(), FITTING[1]), "dtype float16, made for float32"),
    "device": ((FITTING[0].to("meta"), FITTING[1]), "device of hidden_states meta, made for cpu"),
    "all at once": (
        (torch.ones(20, 6, dtype=torch.float64), torch.zeros(20, 1, dtype=torch.int64, device="meta")),
        "20 tokens, room for 16; top-k 1, made for 2; hidden size 6, made for 4; dtype float64, made for float32; "
        "device of topk_ids meta, made for cpu",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_call_that_the_scratch_was_not_made_for_is_told_everything_that_differs(refusal: Refusal, name: str) -> None:
    arguments, message = UNFIT[name]
    memory = scratch()
    permuted = memory.permute(*FITTING[:2])
    before = [t.clone() for t in permuted]

    assert refusal(lambda: memory.permute(*arguments)) == f"the scratch does not fit: {message}"
    assert all(torch.equal(a, b) for a, b in zip(permuted, before, strict=True))


def test_ids_for_other_tokens_are_refused(refusal: Refusal) -> None:
    assert refusal(lambda: scratch().permute(FITTING[0], FITTING[1][:3])) == (
        "topk_ids are for 3 tokens, hidden_states are 4"
    )


def test_ids_that_are_no_integers_are_refused(refusal: Refusal) -> None:
    assert refusal(lambda: scratch().permute(FITTING[0], FITTING[2])) == "topk_ids are float32, not integers"


def test_rows_and_choices_have_two_dimensions(refusal: Refusal) -> None:
    assert refusal(lambda: scratch().permute(FITTING[0][None], FITTING[1])) == (
        "rows of shape [1, 4, 4] and choices of shape [4, 2], both need 2 sizes"
    )


def test_fewer_expert_rows_than_choices_are_refused(refusal: Refusal) -> None:
    assert refusal(lambda: scratch().unpermute(torch.ones(7, HIDDEN), FITTING[1], FITTING[2])) == (
        "there are 7 expert_rows, 4 tokens of 2 choices have 8"
    )


def test_weights_for_other_tokens_are_refused(refusal: Refusal) -> None:
    assert refusal(lambda: scratch().unpermute(torch.ones(8, HIDDEN), FITTING[1], FITTING[2][:3])) == (
        "topk_weights have shape [3, 2], positions [4, 2]"
    )


@pytest.mark.parametrize("name", ["max_tokens", "topk", "hidden_size", "num_experts"])
def test_sizes_below_one_are_refused(refusal: Refusal, name: str) -> None:
    sizes = {"max_tokens": 1, "topk": 1, "hidden_size": 1, "num_experts": 1, name: 0}

    message = refusal(lambda: PermuteScratch(**sizes, dtype=torch.float32, device="cpu"))

    assert message == f"{name} is 0, and must be at least 1"


# Compiled, and on a device


def layer(memory: PermuteScratch, hidden_states: Tensor, ids: Tensor, weights: Tensor) -> Tensor:
    permuted = memory.permute(hidden_states, ids)
    return memory.unpermute(permuted.rows * 2, permuted.positions, weights).clone()


def test_one_graph_serves_any_number_of_tokens() -> None:
    memory, counter = scratch(), CompileCounter()
    compiled = torch.compile(layer, backend=counter, fullgraph=True)

    for num_tokens in (16, 5, 9):
        hidden_states, ids, weights = routed(num_tokens)
        for tensor in (hidden_states, ids, weights):
            torch._dynamo.mark_dynamic(tensor, 0)
        out = compiled(memory, hidden_states, ids, weights)

        torch.testing.assert_close(out, 2 * hidden_states * weights.sum(1, keepdim=True))
    assert counter.frame_count == 1


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_eager_gradient_free_and_compiled_runs_are_equal(mode: Callable[[], torch.no_grad]) -> None:
    arguments = (scratch(), *routed(6))

    with mode():
        eager = layer(*arguments)
        compiled = torch.compile(layer, fullgraph=True)(*arguments)

    torch.testing.assert_close(compiled, eager)
    torch.testing.assert_close(eager, 2 * arguments[1] * arguments[3].sum(1, keepdim=True))


def test_memory_made_in_inference_mode_serves_outside_of_it() -> None:
    with torch.inference_mode():
        memory = scratch()

    hidden_states, ids, weights = routed(6)
    out = layer(memory, hidden_states, ids, weights)

    torch.testing.assert_close(out, 2 * hidden_states * weights.sum(1, keepdim=True))


def test_a_scratch_made_for_cuda_serves_tensors_on_cuda_0() -> None:
    with simulated():
        memory = scratch(device="cuda")
        hidden_states, ids, weights = (t.to("cuda:0") for t in routed(4))

        permuted = memory.permute(hidden_states, ids)
        out = memory.unpermute(permuted.rows, permuted.positions, weights)

        assert (str(memory.device), str(out.device)) == ("cuda:0", "cuda:0")
        assert isinstance(permuted, Permuted)


def test_another_device_is_refused_by_its_index(refusal: Refusal) -> None:
    with simulated("cuda:2"):
        memory = scratch(device="cuda")
        hidden_states, ids, _ = (t.to("cuda:1") for t in routed(4))

        message = refusal(lambda: memory.permute(hidden_states, ids))

    assert message == (
        "the scratch does not fit: device of hidden_states cuda:1, made for cuda:0; "
        "device of topk_ids cuda:1, made for cuda:0"
    )
