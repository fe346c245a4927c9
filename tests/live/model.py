"""What is watched in these tests: a decoder as engines have it, and the calls of a process that serves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

DROPPED = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}


class Decoder(nn.Module):
    """Adds image features where it gets some."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.doubled = False

    def forward(self, x: torch.Tensor, deepstack: Any = None) -> torch.Tensor:
        h = self.layer(x)
        if deepstack is not None:
            h = h + deepstack["d0"]
        return h * 2 if self.doubled else h


def decoder() -> Decoder:
    torch.manual_seed(0)
    return Decoder().eval()


def served(model: Decoder, compiled: Callable[..., Any]) -> Iterator[torch.Tensor]:
    """Text, text of other lengths, an image twice, and text after a flag was set."""
    x = torch.linspace(-1, 1, 12).reshape(3, 4).clone()
    yield compiled(x)
    for rows in (3, 5, 6, 5):
        yield compiled(torch.ones(rows, 4))
    for _ in range(2):
        yield compiled(x, deepstack={"d0": torch.ones(4)})
    model.doubled = True
    for _ in range(9):
        yield compiled(x)
