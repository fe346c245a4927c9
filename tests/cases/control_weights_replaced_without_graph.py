"""New weights are assigned as new parameters.  Dynamo takes parameters as inputs of its graphs, so that nothing
recompiles, and no captured graph knows them by address."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3, 3)

    def forward(self, x):
        return self.lin(x) + 1


def build():
    return Net().eval()


def before(model, name):
    if name == "reloaded":
        model.lin.weight = nn.Parameter(torch.full((3, 3), 2.0))


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {"old": ((torch.zeros(2, 3),), {}), "reloaded": ((torch.ones(2, 3),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
