"""A dynamic number of image tokens is 0 in a step without images.  Zero is a size of its own even in a dynamic
dimension."""

import torch
import torch.nn as nn


class Project(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 2)

    def forward(self, rows):
        return self.lin(rows).relu()


def build():
    return Project().eval()


def context(name):
    return torch.no_grad()


def call(n):
    return (torch.ones(n, 4) * n,), {}


def profile():
    return call(8)


def serving():
    return {"five": call(5), "empty": call(0)}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-01",
    "flags": {"five": [], "empty": ["specialization-01"]},
    "silent_wrong": False,
    "recompiles": 1,
}
