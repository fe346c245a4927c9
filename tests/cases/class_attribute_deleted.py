"""An override on the class is taken away after warm-up: the attribute is that of the base class again."""

import torch
import torch.nn as nn


class Base(nn.Module):
    scale = 2.0

    def forward(self, x):
        return x * self.scale


class Net(Base):
    scale = 3.0


def build():
    return Net().eval()


def before(model, name):
    if name != "deleted":
        Net.scale = 3.0
    elif "scale" in vars(Net):
        del Net.scale


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"same": ((torch.ones(4),), {}), "deleted": ((torch.ones(4),), {})}


EXPECTED = {
    "class": "module-attribute",
    "flags": {"same": [], "deleted": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["deleted"],
    "recompiles": 1,
}
