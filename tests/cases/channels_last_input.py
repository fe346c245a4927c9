"""Warm-up images are contiguous, those of the server channels_last.  Same sizes, other strides: a recompile."""

import torch
import torch.nn as nn


class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(x).mean((2, 3))


def build():
    return Stem().eval()


def context(name):
    return torch.no_grad()


def image(seed):
    return torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(seed))


def profile():
    return (image(0),), {}


def serving():
    return {"contiguous": ((image(1),), {}), "channels_last": ((image(1).to(memory_format=torch.channels_last),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "stride",
    "flags": {"contiguous": [], "channels_last": ["stride"]},
    "silent_wrong": False,
    "recompiles": 1,
}
