"""A buffer is written in serving only.  What the first lost write leaves behind is wrong in the next call as well,
though that call itself is the one of warm-up: its finding is the first one's."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("cache", torch.zeros(4))

    def forward(self, x, write):
        if write:
            self.cache.copy_(x)
        return x + self.cache.sum()


def build():
    return Net().eval()


def profile():
    return call(1.0, False)


def serving():
    return {"plain": call(3.0, False), "writes": call(2.0, True), "after": call(1.0, False)}


def call(value, write):
    return (torch.full((4,), value), write), {}


EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-int"],
    "flags": {"plain": [], "writes": ["input-structure"], "after": []},
    "silent_wrong": True,
    "silent_scenarios": ["writes", "after"],
    "recompiles": 1,
}
