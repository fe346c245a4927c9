"""A helper is excluded from compilation with torch.compiler.disable: every call is two graphs with Python between
them."""

import torch
import torch.nn as nn


@torch.compiler.disable
def helper(x):
    return x.roll(1, 0)


class Net(nn.Module):
    def forward(self, x):
        x = torch.tanh(x)
        x = helper(x)
        return x * 3


def build():
    return Net().eval()


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"step": ((torch.arange(4.0),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break"], "step": ["graph-break"]},
    "silent_wrong": False,
    "recompiles": 0,
}
