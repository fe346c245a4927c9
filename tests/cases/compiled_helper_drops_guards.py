"""A helper that drops its own guards: a number that changes at serving stays what it was, under every policy."""

import torch
import torch.nn as nn


def scaled(x, by):
    return x * by


class Layers(nn.Module):
    def forward(self, x):
        return x * 2 + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()
        options = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}
        self.scaled = torch.compile(scaled, backend="eager", options=options)

    def forward(self, x, by):
        return self.layers(self.scaled(x, by))


def build():
    return Model().eval()


def regions(model):
    return [model.layers]


def profile():
    return (torch.ones(2, 4), 1.5), {}


def serving():
    return {"again": ((torch.zeros(2, 4), 1.5), {}), "other": ((torch.ones(2, 4), 2.5), {})}


EXPECTED = {
    "class": "baked-float",
    "flags": {"other": ["specialization-float"]},
    "silent_wrong": True,
    "silent_scenarios": ["other"],
    "recompiles": 0,
}
