"""Each step calls the compiled block twice, with halves of the batch whose (dynamic) sizes vary from step to
step."""

import torch
import torch.nn as nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return torch.tanh(self.lin(x))


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        first = x[: x.shape[0] // 2].clone()
        second = x[x.shape[0] // 2 :].clone()
        for half in (first, second):
            torch._dynamo.maybe_mark_dynamic(half, 0)
        return torch.cat([self.block(first), self.block(second)])


def build():
    return Runner().eval()


def context(name):
    return torch.no_grad()


def regions(model):
    return [model.block]


def profile():
    return (torch.ones(9, 4),), {}


def serving():
    return {f"n{n}": ((torch.full((n, 4), float(n)),), {}) for n in (9, 5, 14)}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
