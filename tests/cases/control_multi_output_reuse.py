"""A captured block runs twice per step, and both results are needed in the end: there is a graph for each of its
calls."""

import torch
import torch.nn as nn


class B(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(x).relu()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = B(), B()

    def forward(self, x):
        h = self.a(x)
        return self.b(h) + self.b(h * 2)


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


def regions(model):
    return [model.a, model.b]


def context(name):
    return torch.no_grad()


CUDA_GRAPH = True


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
