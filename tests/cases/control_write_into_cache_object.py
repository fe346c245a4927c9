"""The attributes of a cache object are replaced in every run: Dynamo plays these writes back."""

import torch
import torch.nn as nn


class Cache:
    def __init__(self):
        self.keys = torch.zeros(4)
        self.seen = 0


class Net(nn.Module):
    def forward(self, x, cache, scale):
        cache.keys = x * scale
        cache.seen = 4
        return x + 1


def build():
    return Net().eval()


def profile():
    return call(1.0, 1.0)


def serving():
    return {"plain": call(3.0, 1.0), "doubled": call(2.0, 2.0)}


def call(value, scale):
    return (torch.full((4,), value), Cache(), torch.tensor(scale)), {}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
