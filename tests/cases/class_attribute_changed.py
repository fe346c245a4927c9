"""A switch is an attribute of the module's class, not of the object, and an operator flips it for all instances."""

import torch
import torch.nn as nn


class Net(nn.Module):
    flash = False

    def forward(self, x):
        return x.softmax(-1) if self.flash else x.sigmoid()


def build():
    return Net().eval()


def before(model, name):
    Net.flash = name == "flash"


def profile():
    return (torch.linspace(0, 1, 4),), {}


def serving():
    return {"plain": ((torch.zeros(4),), {}), "flash": ((torch.linspace(0, 1, 4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "flags": {"plain": [], "flash": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["flash"],
    "recompiles": 1,
}
