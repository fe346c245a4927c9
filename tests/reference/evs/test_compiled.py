"""Compiled as one graph, the same as in eager mode."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from steadygraph.reference.evs import (
    FinalSequence,
    Media,
    Placeholder,
    chunk_positions,
    prune_video,
    retention_mask,
    retention_masks,
)

GRID, RATE = (6, 8, 10), 0.6
PLACEHOLDER = Placeholder(GRID, 2, ((1, 2), (3,), (), (4, 5), (6,), (7,)), 90, 91, 92)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    torch.compiler.reset()


def features(dtype: torch.dtype, channels: int = 48) -> Tensor:
    return torch.randn(6 * 4 * 5, channels, generator=torch.Generator().manual_seed(0)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_a_compiled_mask_keeps_the_tokens_that_eager_mode_keeps(backend: str, dtype: torch.dtype) -> None:
    compiled = torch.compile(retention_mask, fullgraph=True, backend=backend)

    mask = compiled(features(dtype), GRID, 2, RATE)

    assert torch.equal(mask, retention_mask(features(dtype), GRID, 2, RATE))


def test_masks_of_several_videos_trace_as_one_graph() -> None:
    grids = [(2, 8, 10), (4, 8, 10)]

    masks = torch.compile(retention_masks, fullgraph=True, backend="eager")(features(torch.bfloat16), grids, 2, RATE)

    assert all(map(torch.equal, masks, retention_masks(features(torch.bfloat16), grids, 2, RATE)))


@pytest.mark.parametrize("backend", ["eager", "inductor"])
def test_a_compiled_video_is_that_of_eager_mode(backend: str) -> None:
    embed = nn.Embedding(100, 16, dtype=torch.bfloat16).requires_grad_(False)

    def prune(rows: Tensor) -> tuple[Tensor, ...]:
        return prune_video(PLACEHOLDER, rows, RATE, embed)

    found = torch.compile(prune, fullgraph=True, backend=backend)(features(torch.bfloat16))

    assert all(map(torch.equal, found, prune(features(torch.bfloat16))))


def test_ids_and_chunk_positions_trace_as_one_graph() -> None:
    def place(retained: Tensor) -> tuple[Tensor, Tensor]:
        final = FinalSequence(PLACEHOLDER, retained)
        return final.ids(), chunk_positions([Media.video(3, PLACEHOLDER, RATE, final.positions())], 5, 60)

    retained = retention_mask(features(torch.float32), GRID, 2, RATE).nonzero().flatten()

    found = torch.compile(place, fullgraph=True, backend="eager")(retained)

    assert all(map(torch.equal, found, place(retained)))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_a_mask_is_the_same_with_and_without_gradients(mode: type) -> None:
    with mode():
        mask = retention_mask(features(torch.bfloat16).requires_grad_(mode is torch.enable_grad), GRID, 2, RATE)

    assert torch.equal(mask, retention_mask(features(torch.bfloat16), GRID, 2, RATE))
    assert not mask.requires_grad


def test_a_compiled_mask_serves_videos_of_any_length_of_one_grid() -> None:
    compiled = torch.compile(retention_mask, fullgraph=True, backend="eager", dynamic=True)
    rows = features(torch.float32)

    masks = [compiled(rows[: t * 20], (t, 8, 10), 2, RATE) for t in (3, 4, 6)]

    expected = [retention_mask(rows[: t * 20], (t, 8, 10), 2, RATE) for t in (3, 4, 6)]
    assert all(map(torch.equal, masks, expected))
