"""The mode is a member of an enum on the module."""

import enum

import torch
import torch.nn as nn


class Mode(enum.Enum):
    A = 1
    B = 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mode = Mode.A

    def forward(self, x):
        return x * 2 if self.mode is Mode.A else x * 5


def build():
    return Net().eval()


def before(model, name):
    model.mode = Mode.B if name == "other" else Mode.A


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
