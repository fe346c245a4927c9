"""The runner allocates its workspace in the first call, which is the warm-up, and uses it ever after."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, workspace):
        workspace.copy_(x * 2)
        return workspace + 1


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.workspace = Net(), None

    def forward(self, x):
        if self.workspace is None:
            self.workspace = torch.zeros_like(x)
        return self.net(x, self.workspace)


def build():
    return Runner().eval()


def regions(model):
    return [model.net]


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"zeros": ((torch.zeros(2, 4),), {}), "twos": ((torch.full((2, 4), 2.0),), {})}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
