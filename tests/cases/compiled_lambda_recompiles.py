"""Two lambdas that are compiled when the model is made; one of them gets None where it had a tensor."""

import torch
import torch.nn as nn


class Layers(nn.Module):
    def forward(self, x):
        return x * 2 + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()
        self.shift = torch.compile(lambda x: x + 3, backend="eager")
        self.scale = torch.compile(lambda x, by: x - 1 if by is None else x * by, backend="eager")

    def forward(self, x, by=None):
        return self.scale(self.layers(self.shift(x)) + 1, by) + 1


def build():
    return Model().eval()


def regions(model):
    return [model.layers]


def profile():
    return (torch.ones(2, 4),), {"by": torch.ones(4)}


def serving():
    return {"again": ((torch.zeros(2, 4),), {"by": torch.zeros(4)}), "plain": ((torch.ones(2, 4),), {})}


EXPECTED = {"class": "none", "flags": {"plain": ["input-structure"]}, "silent_wrong": False, "recompiles": 1}
