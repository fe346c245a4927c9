"""Autocast is on in all calls, with bfloat16 at warm-up and float16 for one client."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(x)


def build():
    return Net().eval()


def context(name):
    return torch.autocast("cpu", dtype=torch.float16 if name == "half" else torch.bfloat16)


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "half": ((torch.ones(3, 4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"same": [], "half": ["global-state"]},
    "silent_wrong": True,
    "silent_scenarios": ["half"],
    "recompiles": 1,
}
