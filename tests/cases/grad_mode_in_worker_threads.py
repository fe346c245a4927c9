"""Micro-batches in threads: grad mode is a thread's own, and the workers forget the no_grad of warm-up."""

from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn as nn


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 16).reshape(4, 4))

    def forward(self, x):
        return (x @ self.weight).relu()


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = Layer()

    def forward(self, *batches):
        if len(batches) == 1:
            return self.layer(batches[0])
        with ThreadPoolExecutor(2) as pool:
            return torch.cat([out.detach() for out in pool.map(self.layer, batches)])


def build():
    return Runner().eval()


def regions(model):
    return [model.layer]


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"one": ((torch.ones(2, 4),), {}), "two": ((torch.ones(2, 4), torch.ones(2, 4) * 2), {})}


EXPECTED = {
    "class": "global-state",
    "flags": {"one": [], "two": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
