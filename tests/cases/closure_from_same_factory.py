"""Two functions from one factory share their code and differ in a cell: the one of the request is another than that
of the warm-up."""

import torch
import torch.nn as nn


def scaled_by(factor):
    def scaled(x):
        return x * factor

    return scaled


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.transform = scaled_by(2.0)

    def forward(self, x):
        return self.transform(x)


def build():
    return Net().eval()


def before(model, name):
    model.transform = scaled_by(3.0 if name == "other" else 2.0)


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"same": ((torch.ones(4),), {}), "other": ((torch.ones(4),), {})}


EXPECTED = {
    "class": "specialization-float",
    "flags": {"same": [], "other": ["specialization-float"]},
    "silent_wrong": True,
    "silent_scenarios": ["other"],
    "recompiles": 1,
}
