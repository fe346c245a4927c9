"""A dynamic batch of a size for which no graph was captured runs without one, as in deployments that capture a
few sizes."""

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
    return torch.no_grad()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(5, 4) / 2,), {})}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


CUDA_GRAPH = True


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
