"""With dynamic=True the int is symbolic, and a branch on it is a guard."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, n):
        return x * n if n > 4 else x - n


def build():
    return Net().eval()


def profile():
    return (torch.ones(3), 3), {}


def serving():
    return {"same": ((torch.ones(3), 2), {}), "other": ((torch.ones(3), 9), {})}


COMPILE = {"dynamic": True}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-int",
    "flags": {"same": [], "other": ["specialization-int"]},
    "silent_wrong": True,
    "silent_scenarios": ["other"],
    "recompiles": 1,
}
