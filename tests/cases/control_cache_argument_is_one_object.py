"""A static cache is one object at module level, passed to every call and written in place at a tensor position.
It is meant to be stateful, and each pass over the calls has to begin with the same zeros."""

import torch
import torch.nn as nn


class StaticCache:
    def __init__(self, layers):
        self.keys = [torch.zeros(16, 4) for _ in range(layers)]


CACHE = StaticCache(2)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))

    def forward(self, x, cache, position):
        for layer, keys in zip(self.layers, cache.keys, strict=True):
            keys.index_copy_(0, position, layer(x))
            x = x + keys.mean(0)
        return x


def build():
    return Model().eval()


def context(name):
    return torch.no_grad()


def call(p):
    return (torch.full((1, 4), 0.1 * (p + 1)), CACHE, torch.tensor([p])), {}


def profile():
    return call(0)


def serving():
    return {f"step{p}": call(p) for p in (1, 2, 3)}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
