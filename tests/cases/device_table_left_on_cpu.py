"""A table in a plain attribute does not move with the model; only requests with positions of their own read it."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Rotary(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.table = torch.randn(16, 4)

    def forward(self, x, offset=None):
        if offset is not None:
            x = x + self.table[offset : offset + x.shape[0]]
        return self.linear(x)


def build():
    return Rotary().to(DEVICE).eval()


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"plain": ((x(),), {}), "shifted": ((x(), 2), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "device-mismatch",
    "also": ["input-structure", "specialization-int"],
    "flags": {"plain": [], "shifted": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"shifted": "self.table = torch.randn(16, 4)"},
}
