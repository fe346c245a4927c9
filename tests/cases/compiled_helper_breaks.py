"""A helper under @torch.compile that breaks on data: two graphs and a wait in every call."""

import torch
import torch.nn as nn


@torch.compile(backend="eager")
def clipped(x):
    x = x * 3
    if x.max() > 100:
        x = x / 2
    return x + 1


class Layers(nn.Module):
    def forward(self, x):
        return x * 2 + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()

    def forward(self, x):
        return self.layers(clipped(x))


def build():
    return Model().eval()


def regions(model):
    return [model.layers]


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"again": ((torch.zeros(2, 4),), {})}


EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break"], "again": ["graph-break"]},
    "also": ["host-sync"],
    "silent_wrong": False,
    "recompiles": 0,
}
