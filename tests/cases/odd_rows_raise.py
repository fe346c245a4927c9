"""Half of the rows go left and half go right; a batch with an odd number raises in eager mode already, and
inductor's kernels without guards do not notice."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x.view(2, -1).sum(-1)


def build():
    return Net().eval()


def profile():
    return (torch.ones(6),), {}


def serving():
    return {"even": ((torch.ones(8),), {}), "odd": ((torch.ones(7),), {})}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


INDEPENDENT = True
EXPECTED = {
    "class": "serving-error",
    "also": ["specialization-shape"],
    "flags": {"even": [], "odd": ["serving-error"]},
    "silent_wrong": True,
    "silent_scenarios": ["odd"],
    "silent_backends": ["inductor"],
    "recompiles": 1,
    "eager_error": True,
}
