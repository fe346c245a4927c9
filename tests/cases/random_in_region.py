"""Python's random number generator is asked inside of the region, which breaks the graph in every call (torch 2.13)."""

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
#: torch 2.14 traces it, and hands the number to the graph.
BREAKS = ["graph-break"] if torch.__version__ < (2, 14) else []
EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": BREAKS, "same": BREAKS, "other": BREAKS},
    "silent_wrong": False,
    "recompiles": 0,
}
