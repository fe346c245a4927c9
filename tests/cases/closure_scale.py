"""The forward calls a function that closes over a float, and a setter changes it between requests."""

import torch
import torch.nn as nn


def make_scale():
    value = 1.0

    def scale(x):
        return x * value

    def change(new):
        nonlocal value
        value = new

    return scale, change


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.change = make_scale()

    def forward(self, x):
        return self.scale(x) + 1


def build():
    return Net().eval()


def before(model, name):
    model.change(2.0 if name == "louder" else 1.0)


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"same": ((torch.zeros(4),), {}), "louder": ((torch.ones(4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-float",
    "also": ["module-attribute", "global-state"],
    "flags": {"same": [], "louder": ["specialization-float"]},
    "silent_wrong": True,
    "silent_scenarios": ["louder"],
    "recompiles": 1,
}
