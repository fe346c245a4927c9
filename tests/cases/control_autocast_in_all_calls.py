"""Autocast and no_grad surround the warm-up as they do the requests."""

import contextlib

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        with torch.autocast("cpu", enabled=False):
            scale = x.float().mean()
        return self.lin(x) * scale


def build():
    return Net().eval()


@contextlib.contextmanager
def context(name):
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        yield


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"zeros": ((torch.zeros(2, 4),), {}), "twos": ((torch.full((2, 4), 2.0),), {})}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
