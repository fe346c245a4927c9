"""An OrderedDict and a defaultdict with the same keys in each call."""

import collections

import torch
import torch.nn as nn


def call(v):
    return (
        torch.ones(3),
        collections.OrderedDict(k=torch.full((3,), v)),
        collections.defaultdict(list, k=torch.full((3,), v)),
    ), {}


class Net(nn.Module):
    def forward(self, x, a, b):
        return x + a["k"] + b["k"]


def build():
    return Net().eval()


def profile():
    return call(1.0)


def serving():
    return {"same": call(1.0), "other": call(2.0)}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
