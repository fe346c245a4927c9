"""The key cache comes with the call; warm-up writes nothing into it.  No output depends on the write: it is lost
without guards, and the next step attends to zeros."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, cache, write):
        if write:
            cache["k"].copy_(x)
        return x + 1


def build():
    return Net().eval()


def profile():
    return call(1.0, False)


def serving():
    return {"plain": call(3.0, False), "writes": call(2.0, True)}


def call(value, write):
    return (torch.full((4,), value), {"k": torch.zeros(4), "v": torch.zeros(4)}, write), {}


EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-int"],
    "flags": {"plain": [], "writes": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["writes"],
    "recompiles": 1,
}
