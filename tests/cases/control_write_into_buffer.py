"""The buffer is written in every run, with a mask, and a step is counted on the device."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("cache", torch.zeros(4))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, x, write):
        self.cache.copy_(torch.where(write, x, self.cache))
        self.steps += 1
        return x + self.cache.sum()


def build():
    return Net().eval()


def profile():
    return call(1.0, False)


def serving():
    return {"plain": call(3.0, False), "writes": call(2.0, True), "after": call(1.0, False)}


def call(value, write):
    return (torch.full((4,), value), torch.tensor(write)), {}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
