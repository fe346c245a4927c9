"""Between two compiled blocks the runner counts tokens per expert with bincount, whose size depends on the data:
the host waits.
https://github.com/unslothai/unsloth-zoo/pull/1248"""

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

    def forward(self, x, experts):
        load = torch.bincount(experts, minlength=4)[:4]
        return self.block(x) * load


def build():
    return Runner().eval()


def context(name):
    return torch.no_grad()


def regions(model):
    return [model.block]


def profile():
    return (torch.ones(3, 4), torch.tensor([0, 1, 1])), {}


def serving():
    return {"step": ((torch.zeros(3, 4), torch.tensor([2, 3, 1])), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "host-sync",
    "flags": {"profile": ["host-sync"], "step": ["host-sync"]},
    "silent_wrong": False,
    "recompiles": 0,
}
