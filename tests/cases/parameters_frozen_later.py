"""The parameters are frozen after the warm-up, outside of no_grad: requires_grad of every parameter is guarded."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(x)


def build():
    return Net().eval()


def before(model, name):
    if name == "frozen":
        model.requires_grad_(False)


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"same": ((torch.zeros(2, 4),), {}), "frozen": ((torch.ones(2, 4) * 2,), {})}


EXPECTED = {
    "class": "requires-grad",
    "flags": {"same": [], "frozen": ["requires-grad"]},
    "silent_wrong": False,
    "recompiles": 1,
}
