"""The batch is marked unbacked: sizes 0 and 1 are like any other."""

import torch
import torch.nn as nn


class Count(nn.Module):
    def forward(self, x):
        return (x > 0).sum(-1)


def build():
    return Count().eval()


def profile():
    return (torch.ones(8, 4),), {}


def serving():
    return {f"n{n}": ((torch.ones(n, 4),), {}) for n in (5, 1, 2, 8)}


def mark(args, kwargs):
    torch._dynamo.decorators.mark_unbacked(args[0], 0)


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
