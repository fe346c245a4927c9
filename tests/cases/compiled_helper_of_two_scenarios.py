"""Two blocks share a compiled helper; two scenarios change different things about it, a third nothing."""

import torch
import torch.nn as nn


@torch.compile(backend="eager")
def gated(x, gate, mode: str):
    x = x if gate is None else x * gate
    return x.relu() if mode == "relu" else x.tanh()


class Block(nn.Module):
    def forward(self, x):
        return x * 2 + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Block(), Block()

    def forward(self, x, gate=None, mode="relu"):
        x = gated(self.first(x), gate, mode)
        return gated(self.second(x), gate, mode)


def build():
    return Model().eval()


def regions(model):
    return [model.first, model.second]


def profile():
    return (torch.linspace(-1, 1, 8).reshape(2, 4),), {}


def serving():
    x = torch.linspace(-2, 1, 8).reshape(2, 4)
    return {"plain": ((x,), {}), "gated": ((x,), {"gate": torch.ones(4)}), "tanh": ((x,), {"mode": "tanh"})}


EXPECTED = {
    "class": "none",
    "flags": {"gated": ["input-structure"], "tanh": ["input-structure"]},
    "silent_wrong": False,
    "recompiles": 2,
}
