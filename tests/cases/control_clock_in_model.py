"""What differs from run to run in eager mode too is nobody's fault: a clock, and a counter of the process."""

import itertools
import time

import torch
import torch.nn as nn

CALLS = itertools.count()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.at, self.number = 0.0, 0

    def forward(self, x):
        out = self.lin(x)
        self.at, self.number = time.perf_counter(), next(CALLS)
        return out


def regions(model):
    return [model.lin]


def build():
    return Net().eval()


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"other": ((torch.full((4,), 2.0),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
