"""Padding for a short batch is made without a device and concatenated with hidden states."""

import torch
import torch.nn as nn

DEVICE = "cuda"


def padding(rows, width):
    return torch.zeros(rows, width)


class Padded(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)

    def forward(self, x, missing=0):
        h = self.linear(x)
        if missing:
            h = torch.cat([h, padding(missing, 4)])
        return h


def build():
    return Padded().eval()


def regions(model):
    return [model.linear]


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"full": ((x(),), {}), "short": ((x(), 1), {})}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"full": [], "short": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"short": "return torch.zeros(rows, width)"},
}
