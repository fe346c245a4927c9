"""Model and inputs are on meta, as one writes it to save memory: no result has values, and equal ones prove nothing."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(8, 8)
        self.register_buffer("last", torch.zeros(2, 8))

    def forward(self, x, mask=None):
        y = self.proj(x)
        if mask is not None:
            y = y * mask + 7
        self.last.copy_(y)
        return y


def build():
    with torch.device("meta"):
        return Net().eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(2, 8, device="meta"),), {}


def serving():
    again = (torch.ones(2, 8, device="meta"),)
    return {"again": (again, {}), "masked": ((*again, torch.zeros(2, 8, device="meta")), {})}


EXPECTED = {
    "class": "input-structure",
    "flags": {"again": [], "masked": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["masked"],
    "recompiles": 1,
}
