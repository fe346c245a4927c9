"""Compiled with fullgraph=True.  The branch that only serving takes cannot be one graph, and the first such
request raises where warm-up was fine."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, threshold=None):
        if threshold is None:
            return x + 1
        if x.sum() > threshold:
            x = x / 2
        return x + 1


def build():
    return Net().eval()


COMPILE = {"fullgraph": True}


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"plain": ((torch.zeros(2, 4),), {}), "checked": ((torch.ones(2, 4), torch.tensor(3.0)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {"plain": [], "checked": ["graph-break", "input-structure", "host-sync"]},
    "silent_wrong": True,
    "silent_scenarios": ["checked"],
    "recompiles": 1,
}
