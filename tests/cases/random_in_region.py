"""Python's random number generator is asked inside of the region, which breaks the graph in every call."""

import random

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x * random.random()


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break"], "same": ["graph-break"], "other": ["graph-break"]},
    "silent_wrong": False,
    "recompiles": 0,
}
