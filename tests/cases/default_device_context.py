"""A request handler runs inside `with torch.device(...)`; the warm-up did not.  The context is a torch-function
mode, which Dynamo guards even where the device is the same."""

import contextlib

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x + torch.arange(4)


def build():
    return Net().eval()


def context(name):
    return torch.device("cpu") if name == "in_context" else contextlib.nullcontext()


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"plain": ((torch.zeros(4),), {}), "in_context": ((torch.ones(4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"plain": [], "in_context": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
