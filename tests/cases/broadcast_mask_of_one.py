"""One mask for the whole batch is broadcast, where warm-up had one per row.  A dynamic size of 1 is none."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, mask):
        return (x * mask).sum(-1)


def build():
    return Net().eval()


def profile():
    return (torch.ones(6, 4), torch.ones(6, 4)), {}


def serving():
    return {"full": ((torch.ones(5, 4), torch.ones(5, 4)), {}), "shared": ((torch.ones(5, 4), torch.zeros(1, 4)), {})}


def mark(args, kwargs):
    for t in args:
        torch._dynamo.mark_dynamic(t, 0)


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-01",
    "flags": {"full": [], "shared": ["specialization-01"]},
    "silent_wrong": False,
    "recompiles": 1,
}
