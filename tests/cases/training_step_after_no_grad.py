"""Warm-up under no_grad, a training step later: without guards, what AOTAutograd made for the warm-up has no backward.
https://github.com/pytorch/pytorch/issues/100977"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 1)

    def forward(self, x):
        return self.lin(x).square().mean()


def build():
    return Net()


def context(name):
    return torch.set_grad_enabled(name == "training")


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"evaluation": ((torch.zeros(2, 4),), {}), "training": ((torch.ones(2, 4),), {})}


BACKWARD = True
EXPECTED = {
    "class": "global-state",
    "flags": {"evaluation": [], "training": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
