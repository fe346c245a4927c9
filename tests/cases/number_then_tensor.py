"""A scale that is a Python float in the warm-up arrives as a 0-d tensor from a scheduler.  The graph has the
number in it."""

import torch
import torch.nn as nn


class Guide(nn.Module):
    def forward(self, cond, uncond, scale):
        return uncond + scale * (cond - uncond)


def build():
    return Guide().eval()


def call(scale):
    return (torch.arange(4.0), torch.ones(4), scale), {}


def profile():
    return call(7.5)


def serving():
    return {"number": call(7.5), "tensor": call(torch.tensor(3.0))}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-float"],
    "flags": {"number": [], "tensor": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["tensor"],
    "recompiles": 1,
}
