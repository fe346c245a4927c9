"""The steps that all cases of this folder run: the profile run; then the capture of each size, and traffic."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import nn

from scratch_model import MAX_NUM_BATCHED_TOKENS, VOCABULARY, Runner
from scratch_states import Scratch

Call = tuple[tuple[object, ...], dict[str, object]]

DEVICE = "cuda"


def runner(scratch: Scratch) -> Runner:
    """The model with fixed random weights, on the device."""
    torch.manual_seed(0)
    model = Runner(scratch)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    return model.eval().to(DEVICE)


def profile() -> Call:
    """As many rows as a step may have: a prefill step, which does without the scratch."""
    return step(0, MAX_NUM_BATCHED_TOKENS)


def serving() -> dict[str, Call]:
    return {
        "capture_16": step(0, 16),
        "capture_8": step(0, 8),
        "prefill": step(30, 32),
        "decode": step(3, 8),
        "full_decode": step(16, 16),
    }


def step(scheduled: int, padded: int) -> Call:
    token_ids = torch.randint(VOCABULARY, (scheduled,), generator=torch.Generator().manual_seed(scheduled))
    return (token_ids.to(DEVICE), padded), {}


def context(name: str) -> AbstractContextManager[object]:
    return torch.no_grad()


def regions(model: Runner) -> list[nn.Module]:
    return [layer.dense for layer in model.layers]
