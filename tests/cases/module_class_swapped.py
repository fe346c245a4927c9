"""A quantization library changes the class of a layer in place."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(x)


def build():
    return Net().eval()


def before(model, name):
    model.act.__class__ = nn.Tanh if name == "other" else nn.ReLU


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "flags": {"same": [], "other": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["other"],
    "recompiles": 1,
}
