"""The forward reads an environment variable that an operator may change at run time."""

import os

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x * 2 if os.environ.get("SERVER_FAST_PATH", "0") == "1" else x + 5


def build():
    return Net().eval()


def before(model, name):
    os.environ["SERVER_FAST_PATH"] = "1" if name == "fast" else "0"


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"slow": ((torch.zeros(4),), {}), "fast": ((torch.ones(4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "also": ["missing-guard"],
    "flags": {"slow": [], "fast": ["global-state"]},
    "silent_wrong": True,
    "silent_scenarios": ["fast"],
    "recompiles": 1,
}
