"""Metadata keeps its tensor in a slot and computes a property from it."""

import torch
import torch.nn as nn


class Meta:
    __slots__ = ("scale",)

    def __init__(self, v):
        self.scale = torch.tensor(v)

    @property
    def total(self):
        return self.scale.sum() * 2


class Net(nn.Module):
    def forward(self, x, m):
        return x * m.scale + m.total


def build():
    return Net().eval()


def profile():
    return (torch.ones(3), Meta(1.0)), {}


def serving():
    return {"same": ((torch.ones(3), Meta(1.0)), {}), "other": ((torch.ones(3), Meta(2.0)), {})}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
