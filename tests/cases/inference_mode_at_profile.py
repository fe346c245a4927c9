"""Warm-up runs in inference mode with tensors made there, serving with ordinary ones under no_grad.  The dispatch
keys differ.
https://github.com/pytorch/pytorch/issues/148983"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return (x.sin() + 1).sum(-1)


def build():
    return Net().eval()


def context(name):
    return torch.inference_mode() if name in ("profile", "inference") else torch.no_grad()


def made(value):
    with torch.inference_mode():
        return torch.full((2, 3), value)


def profile():
    return (made(0.0),), {}


def serving():
    return {"inference": ((made(1.0),), {}), "no_grad": ((torch.full((2, 3), 2.0),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"inference": [], "no_grad": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
