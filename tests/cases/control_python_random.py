"""The runner scales by Python's random numbers before it calls the region; each call starts from the same seed."""

import random

import torch
import torch.nn as nn


class Inner(nn.Module):
    def forward(self, x):
        return x.sin()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def forward(self, x):
        return self.inner(x * random.random())


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


def regions(model):
    return [model.inner]


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
