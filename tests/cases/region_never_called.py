"""The region that the case names is a part of the model that its forward does not use: nothing is compiled."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.head = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x, mask=None):
        y = self.used(x)
        return y if mask is None else y * mask


def build():
    return Net().eval()


def regions(model):
    return [model.head]


def profile():
    return (torch.ones(2, 8),), {}


def serving():
    return {"masked": ((torch.ones(2, 8), torch.zeros(2, 8)), {})}


EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break"]},
    "silent_wrong": False,
    "recompiles": 0,
}
