"""Numbers are assigned through a mask, inside and outside of the region: torch makes a masked_fill of that, which
needs no size."""

import torch
import torch.nn as nn


class Inner(nn.Module):
    def forward(self, x):
        z = x.clone()
        z[z < 0] = 1.0
        return z * 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        y = x.clone()
        y[x > 0] = 0.0
        y[:, 0] = 7
        return self.inner(y)


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


def regions(model):
    return [model.inner]


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
