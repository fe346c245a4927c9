"""The warm-up input has a batch dimension, a request comes without one.  Both work in eager mode through
broadcasting."""

import torch
import torch.nn as nn


class Norm(nn.Module):
    def forward(self, x):
        return x - x.mean(-1, keepdim=True) if x.dim() == 3 else x - x.mean(0, keepdim=True)


def build():
    return Norm().eval()


def profile():
    return (torch.arange(12.0).reshape(1, 3, 4),), {}


def serving():
    return {"batched": ((torch.ones(1, 3, 4),), {}), "unbatched": ((torch.arange(12.0).reshape(3, 4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-shape",
    "flags": {"batched": [], "unbatched": ["specialization-shape"]},
    "silent_wrong": True,
    "silent_scenarios": ["unbatched"],
    "recompiles": 1,
}
