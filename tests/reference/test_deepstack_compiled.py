"""The deepstack buffers around and inside of compiled and captured code, and on a device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from steadygraph.accelerator import simulated
from steadygraph.reference.deepstack import DeepstackBuffers, add_level

LEVELS, CAPACITY, HIDDEN, LAYERS = 3, 32, 8, 5
#: scheduled, padded, image: profile without an image, then what serving brings.
STEPS = [(32, 32, False), (16, 16, True), (9, 16, True), (16, 16, False), (3, 8, True), (32, 32, True)]


class Decoder(nn.Module):
    """Compiled; takes what the buffers gave outside, or asks them itself."""

    def __init__(self, buffers: DeepstackBuffers, *, reads_inside: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(HIDDEN, HIDDEN) for _ in range(LAYERS))
        self.deepstack = buffers
        self.reads_inside = reads_inside

    def forward(self, hidden_states: Tensor, deepstack: dict[str, Tensor] | None = None) -> Tensor:
        if self.reads_inside:
            deepstack = self.deepstack.get(hidden_states)
        assert deepstack is not None
        for index, layer in enumerate(self.layers):
            hidden_states = add_level(layer(hidden_states), deepstack, index)
        return hidden_states

    def plainly(self, hidden_states: Tensor, payload: Tensor) -> Tensor:
        """The same, written down without buffers; ``payload`` is ``[levels, n, H]``."""
        for index, layer in enumerate(self.layers):
            hidden_states = layer(hidden_states)
            if index < LEVELS:
                hidden_states = hidden_states + payload[index]
        return hidden_states


@pytest.mark.parametrize("guards", ["kept", "dropped"])
@pytest.mark.parametrize("reads_inside", [False, True], ids=["read outside", "read inside"])
def test_one_graph_of_a_profile_run_without_images_serves_them_all(reads_inside: bool, guards: str) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    decoder, counter = Decoder(buffers, reads_inside=reads_inside), CompileCounter()
    options = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe} if guards == "dropped" else {}
    compiled = torch.compile(decoder, backend=counter, fullgraph=True, options=options)

    for scheduled, padded, with_image in STEPS:
        inputs_embeds, payload = torch.randn(padded, HIDDEN), torch.zeros(LEVELS, padded, HIDDEN)
        if with_image:
            payload[:, :scheduled] = torch.randn(LEVELS, scheduled, HIDDEN)
        torch._dynamo.mark_dynamic(inputs_embeds, 0)
        with torch.no_grad(), buffers.step():
            buffers.set(payload[:, :scheduled] if with_image else None, inputs_embeds[:scheduled])
            deepstack = None if reads_inside else buffers.get(inputs_embeds)
            for rows in (deepstack or {}).values():
                torch._dynamo.mark_dynamic(rows, 0)
            out = compiled(inputs_embeds, deepstack)

            torch.testing.assert_close(out, decoder.plainly(inputs_embeds, payload))
    assert counter.frame_count == 1


@pytest.mark.parametrize("mode", ["grad", "no_grad", "inference_mode", "inductor"])
def test_eager_gradient_free_and_compiled_runs_are_equal(mode: str) -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
    decoder = Decoder(buffers, reads_inside=True)
    run = torch.compile(decoder, fullgraph=True) if mode == "inductor" else decoder
    inputs_embeds, payload = torch.randn(9, HIDDEN), torch.randn(LEVELS, 9, HIDDEN)
    context = {"grad": torch.enable_grad, "inference_mode": torch.inference_mode}.get(mode, torch.no_grad)

    with context(), buffers.step():
        buffers.set(payload, inputs_embeds)
        out = run(inputs_embeds)

    torch.testing.assert_close(out, decoder.plainly(inputs_embeds, payload))


def test_a_region_cannot_be_the_first_to_read() -> None:
    decoder = Decoder(DeepstackBuffers(LEVELS, CAPACITY, HIDDEN), reads_inside=True)

    with pytest.raises(torch._dynamo.exc.Unsupported, match="run one step"):
        torch.compile(decoder, backend="eager", fullgraph=True)(torch.ones(4, HIDDEN))


# On a device


def test_rows_are_where_the_decoder_is_not_where_the_model_was_built() -> None:
    buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)

    with simulated():
        deepstack = buffers.get(torch.ones(4, HIDDEN, device="cuda", dtype=torch.bfloat16))
        looks = {(str(t.device), t.dtype, t.shape) for t in deepstack.values()}

    assert looks == {("cuda:0", torch.bfloat16, torch.Size([4, HIDDEN]))}


def test_a_device_without_an_index_does_not_move_the_memory() -> None:
    with simulated():
        buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
        storages = set()
        for device in ("cuda", "cuda:0", torch.device("cuda")):
            inputs_embeds = torch.ones(4, HIDDEN, device=device)
            buffers.set(torch.ones(LEVELS, 4, HIDDEN, device=device), inputs_embeds)
            storages |= {id(t._base) for t in buffers.get(inputs_embeds).values()}
            buffers.clear()

    assert len(storages) == 1


def test_a_step_on_a_device_does_not_wait(syncs: Callable[..., list[str]]) -> None:
    with simulated():  # it raises where a value on the device is needed
        buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
        inputs_embeds, payload = torch.ones(8, HIDDEN, device="cuda"), torch.ones(LEVELS, 5, HIDDEN, device="cuda")

        def step() -> None:
            with buffers.step():
                buffers.set(payload, inputs_embeds[:5])
                buffers.get(inputs_embeds)

        assert syncs(step, device="cuda") == []


def test_a_payload_on_the_host_is_refused_because_copying_it_would_wait() -> None:
    with simulated():
        buffers = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)
        inputs_embeds = torch.ones(8, HIDDEN, device="cuda")

        with pytest.raises(ValueError, match="payload") as caught:
            buffers.set(torch.ones(LEVELS, 5, HIDDEN), inputs_embeds)

    assert str(caught.value) == "the payload is float32 on cpu, inputs_embeds are float32 on cuda:0"


def test_capturing_a_graph_freezes_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulated():
        buffers = DeepstackBuffers(LEVELS, 8, HIDDEN)
        buffers.get(torch.ones(8, HIDDEN, device="cuda"))
        with monkeypatch.context() as patched:
            patched.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
            buffers.get(torch.ones(8, HIDDEN, device="cuda"))

        with pytest.raises(ValueError, match="configure a capacity of at least 9"):
            buffers.get(torch.ones(9, HIDDEN, device="cuda"))


def test_nothing_is_allocated_while_a_graph_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulated(), monkeypatch.context() as patched:
        patched.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
        buffers = DeepstackBuffers(LEVELS, 8, HIDDEN)

        with pytest.raises(ValueError, match="nothing is allocated yet") as caught:
            buffers.get(torch.ones(8, HIDDEN, device="cuda"))

    assert str(caught.value) == (
        "nothing is allocated yet: run one step (set or get) before compiling or capturing get()"
    )
