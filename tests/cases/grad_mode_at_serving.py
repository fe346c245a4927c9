"""Warm-up under no_grad, one entry point of the server forgot it.  A compilation per grad mode (PyTorch issue
123784 asks for the reason to be logged)."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(x).relu()


def build():
    return Net().eval()


def context(name):
    return torch.set_grad_enabled(name == "forgotten")


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"no_grad": ((torch.zeros(2, 4),), {}), "forgotten": ((torch.ones(2, 4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"no_grad": [], "forgotten": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
