"""The steps that all cases of this folder run: start-up as the engine does it, then traffic."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from merging_model import MAX_NUM_BATCHED_TOKENS, PATCH, VOCABULARY, Image, Runner, StepResult

Call = tuple[tuple[object, ...], dict[str, object]]

DEVICE = "cuda"
#: Start-up captures graphs, and serving replays them.
CUDA_GRAPH = True


def on_device(runner: Runner) -> Runner:
    """The model with fixed random weights, on the device."""
    torch.manual_seed(0)
    for parameter in runner.parameters():
        nn.init.normal_(parameter, std=0.1)
    return runner.eval().to(DEVICE)


def profile() -> Call:
    """As many tokens as a step may have, and an image for the tower alone: nothing is embedded, nothing is merged."""
    token_ids = torch.zeros(MAX_NUM_BATCHED_TOKENS, dtype=torch.int64, device=DEVICE)
    return (token_ids, MAX_NUM_BATCHED_TOKENS, [image(0, 8)]), {"start_up": True}


def serving() -> dict[str, Call]:
    return {
        "text": step(16, 16),
        "image": step(16, 16, image(2, 6)),
        "image_padded": step(9, 16, image(2, 6)),
        "two_images": step(30, 32, image(2, 6), image(12, 16)),
        "decode": step(3, 8),
    }


def serving_with_surplus() -> dict[str, Call]:
    """The same, and an image of which the tower makes more rows than the prompt has tokens for it."""
    return serving() | {"surplus_rows": step(16, 16, image(2, 6, num_rows=8))}


def step(scheduled: int, padded: int, *images: Image) -> Call:
    token_ids = torch.randint(VOCABULARY, (scheduled,), generator=torch.Generator().manual_seed(scheduled))
    return (token_ids.to(DEVICE), padded, list(images)), {"start_up": False}


def image(offset: int, num_tokens: int, num_rows: int | None = None) -> Image:
    patches = torch.randn(num_rows or num_tokens, PATCH, generator=torch.Generator().manual_seed(num_tokens))
    return Image(offset, num_tokens, patches.to(DEVICE))


def context(name: str) -> AbstractContextManager[object]:
    return torch.no_grad()


def regions(model: Runner) -> list[nn.Module]:
    return [model.decoder]


def observe(model: Runner, out: StepResult) -> Tensor:
    """The logits.  Policies are held against eager mode: what eager mode itself passes over, the case has to say."""
    if out.num_rows != out.num_tokens and len(out.logits):
        raise AssertionError("other rows than the image's tokens have were merged, and nobody noticed")
    return out.logits
