"""The dimension was declared with max=64 when it was marked, and a longer request comes."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x.sum(-1) + 1


def build():
    return Net().eval()


def profile():
    return (torch.ones(6, 4),), {}


def serving():
    return {"short": ((torch.ones(60, 4),), {}), "long": ((torch.ones(100, 4),), {})}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0, min=2, max=64)


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-shape",
    "flags": {"short": [], "long": ["specialization-shape"]},
    "silent_wrong": False,
    "recompiles": 1,
}
