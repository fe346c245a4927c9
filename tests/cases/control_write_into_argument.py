"""Every run writes into the cache that comes with the call; a mask says what is kept."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, cache, write):
        cache["k"].copy_(torch.where(write, x, cache["k"]))
        return x + 1


def build():
    return Net().eval()


def profile():
    return call(1.0, False)


def serving():
    return {"plain": call(3.0, False), "writes": call(2.0, True)}


def call(value, write):
    return (torch.full((4,), value), {"k": torch.zeros(4), "v": torch.zeros(4)}, torch.tensor(write)), {}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
