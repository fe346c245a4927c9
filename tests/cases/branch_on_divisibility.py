"""The kernel is chosen by whether the (dynamic) number of tokens is a multiple of 16.  The condition becomes a
guard; without it odd batches run what was meant for the aligned ones.  PyTorch pull request 163083 is one of this
family.
https://github.com/pytorch/pytorch/pull/163083"""

import torch
import torch.nn as nn


class Kernel(nn.Module):
    def forward(self, x):
        if x.shape[0] % 16 == 0:
            return x * 2
        return x * 3


def build():
    return Kernel().eval()


def call(n):
    return (torch.linspace(0.1, 1, 2 * n).reshape(n, 2),), {}


def profile():
    return call(32)


def serving():
    return {"aligned": call(48), "odd": call(21)}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-shape",
    "flags": {"aligned": [], "odd": ["specialization-shape"]},
    "silent_wrong": True,
    "silent_scenarios": ["odd"],
    "recompiles": 1,
}
