"""Threads, default dtype and a module-level switch are set once, before the warm-up, and stay."""

import torch
import torch.nn as nn

FAST = False


class Net(nn.Module):
    def forward(self, x):
        return (x * 2 if FAST else x + 1) + torch.ones(3)


def build():
    global FAST
    FAST = True
    return Net().eval()


def before(model, name):
    if name == "profile":
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(2)


def profile():
    return (torch.ones(3, dtype=torch.float32),), {}


def serving():
    return {
        "zeros": ((torch.zeros(3, dtype=torch.float32),), {}),
        "twos": ((torch.full((3,), 2.0, dtype=torch.float32),), {}),
    }


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
