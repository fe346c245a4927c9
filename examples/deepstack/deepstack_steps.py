"""The steps that both cases run: warm-up sees no image, serving does."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import nn

from deepstack_model import HIDDEN, LEVELS, VOCABULARY, Image, Runner, Store

Call = tuple[tuple[object, ...], dict[str, object]]

#: Every step is a request of its own: its logits may not depend on earlier steps.
INDEPENDENT = True


def runner(store: Store) -> Runner:
    """The model with fixed random weights."""
    torch.manual_seed(0)
    return Runner(store).eval()


def step(scheduled: int, padded: int, *, with_image: bool = False) -> Call:
    generator = torch.Generator().manual_seed(scheduled)
    token_ids = torch.randint(VOCABULARY, (scheduled,), generator=generator)
    image = None
    if with_image:
        rows = torch.arange(2, 8)
        image = Image(rows, torch.randn(1 + LEVELS, len(rows), HIDDEN, generator=generator))
    return (token_ids, padded), {"image": image}


def profile() -> Call:
    return step(32, 32)


def serving() -> dict[str, Call]:
    return {
        "text": step(16, 16),
        "image": step(16, 16, with_image=True),
        "image_padded": step(9, 16, with_image=True),
    }


def context(name: str) -> AbstractContextManager[object]:
    return torch.no_grad()


def regions(model: Runner) -> list[nn.Module]:
    return [model.decoder]
