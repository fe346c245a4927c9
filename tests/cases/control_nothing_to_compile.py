"""At warm-up the forward returns its input: Dynamo keeps no graph and no guard, and the first real request
compiles one."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, y=None):
        return x if y is None else x + y


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) / 2, torch.ones(3, 4)), {})}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
