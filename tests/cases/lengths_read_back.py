"""The runner reads sequence lengths back from the device with tolist() and hands the longest one to the compiled
block as an int: a wait in every step, and a constant in the graph."""

import torch
import torch.nn as nn


class Block(nn.Module):
    def forward(self, x, longest):
        return x * (torch.arange(8) < longest)


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x, lengths):
        return self.block(x, max(lengths.tolist()))


def build():
    return Runner().eval()


def regions(model):
    return [model.block]


def call(*lengths):
    return (torch.ones(2, 8), torch.tensor(lengths)), {}


def profile():
    return call(4, 2)


def serving():
    return {"same": call(3, 4), "longer": call(6, 1)}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-int",
    "flags": {"profile": ["host-sync"], "same": ["host-sync"], "longer": ["host-sync", "specialization-int"]},
    "silent_wrong": True,
    "silent_scenarios": ["longer"],
    "recompiles": 1,
}
