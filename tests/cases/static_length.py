"""The prompt length is not marked dynamic.  Every new length violates the guards of the warm-up; a positional
scale that is computed from the length is baked."""

import torch
import torch.nn as nn


class Scale(nn.Module):
    def forward(self, x):
        return x * torch.arange(x.shape[1]) / x.shape[1]


def build():
    return Scale().eval()


def profile():
    return (torch.ones(2, 8),), {}


def serving():
    return {f"n{n}": ((torch.ones(2, n),), {}) for n in (8, 6, 11)}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-shape",
    "flags": {"n8": [], "n6": ["specialization-shape"], "n11": ["specialization-shape"]},
    "silent_wrong": False,
    "recompiles": 1,
}
