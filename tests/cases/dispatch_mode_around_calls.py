"""The framework logs operators with a dispatch mode around each call: Dynamo leaves all frames alone under it."""

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode


class Logged(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Net(nn.Module):
    def forward(self, x, mask=None):
        return x + 1 if mask is None else x * mask


def build():
    return Net()


def context(name):
    return Logged()


def profile():
    return (torch.ones(2, 8),), {}


def serving():
    return {"masked": ((torch.ones(2, 8), torch.zeros(2, 8)), {})}


EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break"]},
    "silent_wrong": False,
    "recompiles": 0,
}
