"""A helper and a block that are compiled themselves: nothing is wrong."""

import torch
import torch.nn as nn


@torch.compile(backend="eager", fullgraph=True, dynamic=True)
def count_greater(x, values):
    return (x >= values).sum(-1, keepdim=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tail = nn.Sequential(nn.ReLU())
        self.tail.compile(backend="eager", fullgraph=True)

    def forward(self, x):
        return self.tail(x * 2) + count_greater(x, x[..., :1])


def build():
    return Net().eval()


def profile():
    return (torch.linspace(-1, 1, 64).reshape(1, 1, 4, 16),), {}


def serving():
    return {"same": ((torch.linspace(-2, 1, 64).reshape(1, 1, 4, 16),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
