"""The forward branches on a dynamic size; all calls lie on the side of the warm-up."""

import torch
import torch.nn as nn


class Rope(nn.Module):
    def forward(self, x):
        if x.shape[0] > 64:
            x = x / 2
        if x.shape[0] * x.shape[1] < 4096:
            x = x + 1
        return x.view(-1, 2).sum(-1)


def build():
    return Rope().eval()


def profile():
    return (torch.ones(8, 4),), {}


def serving():
    return {f"n{n}": ((torch.ones(n, 4),), {}) for n in (2, 33, 64)}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
