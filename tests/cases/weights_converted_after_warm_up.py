"""The server warms up in float32 and then calls model.bfloat16().  The parameters of the graph have another
dtype, and the cast that was burned in does not fit them."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(x.to(self.lin.weight.dtype)).float().relu()


def build():
    return Net().eval()


def context(name):
    return torch.no_grad()


def before(model, name):
    if name == "half":
        model.bfloat16()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"full": ((torch.ones(2, 4) * 2,), {}), "half": ((torch.ones(2, 4),), {})}


EXPECTED = {"class": "dtype", "flags": {"full": [], "half": ["dtype"]}, "silent_wrong": False, "recompiles": 1}
