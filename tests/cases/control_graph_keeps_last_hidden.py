"""Captured: the last hidden state is kept on the module as a plain attribute.  It is another tensor after every
eager call, but the graph only writes it."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin, self.last = nn.Linear(4, 4), None

    def forward(self, x):
        hidden = self.lin(x)
        self.last = hidden
        return hidden.relu()


def build():
    return Net().eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"zeros": ((torch.zeros(2, 4),), {}), "twos": ((torch.full((2, 4), 2.0),), {})}


CUDA_GRAPH = True
INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
