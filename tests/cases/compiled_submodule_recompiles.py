"""module.compile() of a submodule that is no region: a flag on it changes at serving, and it compiles again."""

import torch
import torch.nn as nn


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.scaled = False

    def forward(self, x):
        return x / 8 if self.scaled else x + 1


class Layers(nn.Module):
    def forward(self, x):
        return x * 2 + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.head = Layers(), Head()
        self.head.compile(backend="eager")

    def forward(self, x):
        return self.head(self.layers(x))


def build():
    return Model().eval()


def regions(model):
    return [model.layers]


def before(model, name):
    model.head.scaled = name == "scaled"


def profile():
    return (torch.linspace(-1, 1, 8).reshape(2, 4),), {}


def serving():
    x = torch.linspace(-2, 1, 8).reshape(2, 4)
    return {"again": ((x,), {}), "scaled": ((x,), {})}


EXPECTED = {
    "class": "module-attribute",
    "flags": {"scaled": ["module-attribute"]},
    "silent_wrong": False,
    "recompiles": 1,
}
