"""An evaluation endpoint turns deterministic algorithms on, and never off again.  Part of the global state that
is guarded."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x.cumsum(0) * 2


def build():
    return Net().eval()


def before(model, name):
    if name == "evaluation":
        torch.use_deterministic_algorithms(True)


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"plain": ((torch.zeros(4),), {}), "evaluation": ((torch.ones(4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"plain": [], "evaluation": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
