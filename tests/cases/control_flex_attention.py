"""flex_attention, which compiles itself: nothing is wrong."""

import warnings

import torch
import torch.nn as nn
from torch.nn.attention.flex_attention import flex_attention


class Net(nn.Module):
    def forward(self, x):
        with warnings.catch_warnings(action="ignore"):
            return flex_attention(x, x, x, score_mod=lambda score, b, h, i, j: score + (i - j))


def build():
    return Net().eval()


def profile():
    return (torch.linspace(-1, 1, 64).reshape(1, 1, 4, 16),), {}


def serving():
    return {"same": ((torch.linspace(-2, 1, 64).reshape(1, 1, 4, 16),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
