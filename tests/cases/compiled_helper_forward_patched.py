"""module.compile() of a submodule, whose forward is replaced on the instance afterwards: it compiles once more."""

import types

import torch
import torch.nn as nn


class Head(nn.Module):
    def forward(self, x):
        return x * 2


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.ReLU()), Head()
        self.head.compile(backend="eager")

    def forward(self, x):
        return self.head(self.body(x)) + 1


def adapted(self, x):
    return x * 2 + x * 10


def build():
    return Model().eval()


def regions(model):
    return [model.body]


def before(model, name):
    if name == "adapted":
        model.head.forward = types.MethodType(adapted, model.head)


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    x = torch.linspace(-1, 1, 8).reshape(2, 4)
    return {"plain": ((x,), {}), "adapted": ((x,), {})}


EXPECTED = {
    "class": "module-attribute",
    "flags": {"adapted": ["module-attribute"]},
    "silent_wrong": False,
    "recompiles": 1,
}
