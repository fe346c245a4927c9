"""A tracer installs a torch-function mode around one request.  The mode stack is guarded."""

import contextlib

import torch
import torch.nn as nn
from torch.overrides import TorchFunctionMode


class Tracer(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Net(nn.Module):
    def forward(self, x):
        return torch.relu(x) + 1


def build():
    return Net().eval()


def context(name):
    return Tracer() if name == "traced" else contextlib.nullcontext()


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"plain": ((-torch.ones(4),), {}), "traced": ((torch.ones(4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"plain": [], "traced": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
