"""The model and its decoder are both regions, the one inside of the other; the mask is None at warm-up."""

import torch
import torch.nn as nn


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x, mask=None):
        y = self.lin(x)
        return y if mask is None else y * mask


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x, mask=None):
        return self.inner(x + 1, mask).relu()


def build():
    return Outer().eval()


def context(name):
    return torch.no_grad()


def regions(model):
    return [model, model.inner]


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"same": ((torch.zeros(2, 4),), {}), "mask": ((torch.ones(2, 4), torch.zeros(2, 4)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"same": [], "mask": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["mask"],
    "recompiles": 1,
}
