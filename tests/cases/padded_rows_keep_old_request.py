"""A persistent input buffer is filled up to the number of valid rows, and its tail is never cleared.  A mean over
the padded buffer mixes in rows of the request before.  The stale tail of nano-vllm issue 190.
https://github.com/GeeeekExplorer/nano-vllm/issues/190"""

import torch
import torch.nn as nn

CAPACITY = 6


class Net(nn.Module):
    def forward(self, rows):
        return rows.softmax(0).sum(-1).max()


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()
        self.register_buffer("rows", torch.zeros(CAPACITY, 2))

    def forward(self, x):
        self.rows[: x.shape[0]].copy_(x)
        return self.net(self.rows)


def build():
    return Runner().eval()


def regions(model):
    return [model.net]


def profile():
    return (torch.zeros(CAPACITY, 2),), {}


def serving():
    return {"long": ((torch.arange(12.0).reshape(6, 2),), {}), "short": ((torch.ones(2, 2),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "stale-state",
    "flags": {"long": [], "short": ["stale-state"]},
    "silent_wrong": False,
    "recompiles": 0,
}
