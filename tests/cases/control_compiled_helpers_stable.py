"""Helpers that are compiled in all the ways there are, with and without guards: nothing is wrong."""

import torch
import torch.nn as nn

SKIP = torch.compiler.skip_all_guards_unsafe


@torch.compile(backend="eager", dynamic=True)
def normed(x):
    return x / (x.norm() + 1)


class Head(nn.Module):
    def forward(self, x):
        return x + 1


class Gate(nn.Module):
    @torch.compile(backend="eager", fullgraph=True)
    def forward(self, x):
        return torch.sigmoid(x)


class Layers(nn.Module):
    def forward(self, x):
        return normed(x * 2) + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers, self.gate, self.heads = Layers(), Gate(), nn.ModuleList([Head(), Head()])
        for head in self.heads:
            head.compile(backend="eager", fullgraph=True)
        self.tail = torch.compile(nn.Sequential(nn.ReLU(), nn.Tanh()), backend="eager")
        self.unguarded = torch.compile(lambda x: x * 4, backend="eager", options={"guard_filter_fn": SKIP})

    def forward(self, x):
        x = self.gate(normed(x))
        for head in self.heads:
            x = head(x)
        return self.tail(self.unguarded(self.layers(x)))


def build():
    return Model().eval()


def regions(model):
    return [model.layers]


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"again": ((torch.zeros(2, 4),), {}), "other": ((torch.linspace(-1, 1, 8).reshape(2, 4),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
