"""The runner counts requests and keeps their lengths in a list.  No compiled code reads them, and no result
depends on them."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 2)

    def forward(self, x):
        return self.lin(x).relu()


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.requests, self.lengths, self.last = Net(), 0, [], None

    def forward(self, x):
        self.requests += 1
        self.lengths.append(x.shape[0])
        self.last = "busy"
        return self.net(x)


def build():
    return Runner().eval()


def context(name):
    return torch.no_grad()


def regions(model):
    return [model.net]


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {f"request{i}": ((torch.ones(3, 4) * i,), {}) for i in range(3)}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
