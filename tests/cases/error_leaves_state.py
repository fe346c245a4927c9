"""A request that fails in validation has already raised the number of sequences; it is only lowered when a step
ends well.  The next request is scaled by what the failed one left behind."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, active):
        return x / active


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.active = Net(), torch.zeros(())

    def forward(self, x, valid=True):
        self.active += 1
        if not valid:
            raise ValueError("the prompt was refused")
        out = self.net(x, self.active)
        self.active -= 1
        return out


def build():
    return Runner().eval()


def regions(model):
    return [model.net]


def profile():
    return (torch.ones(3),), {}


def serving():
    return {"good": ((torch.ones(3),), {}), "refused": ((torch.ones(3), False), {}), "next": ((torch.ones(3),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "stale-state",
    "also": ["input-structure"],
    "flags": {"good": [], "refused": ["serving-error"], "next": ["stale-state"]},
    "silent_wrong": False,
    "eager_error": True,
    "recompiles": 0,
}
