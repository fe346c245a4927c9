"""A helper under @torch.compile that is called within the region alone: it is part of the region's graph."""

import torch
import torch.nn as nn


@torch.compile(backend="eager", dynamic=True)
def normed(x, eps: float):
    return x / (x.norm() + eps)


class Layers(nn.Module):
    def forward(self, x):
        return normed(x * 2, 1e-5) + 1


def build():
    return Layers().eval()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"again": ((torch.zeros(2, 4),), {}), "other": ((torch.linspace(-1, 1, 8).reshape(2, 4),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
