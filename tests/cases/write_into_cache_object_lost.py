"""A cache object of its own class: its counter is raised in serving only, and nothing returned depends on it."""

import torch
import torch.nn as nn


class Cache:
    def __init__(self):
        self.keys = torch.zeros(4)
        self.seen = 0


class Net(nn.Module):
    def forward(self, x, cache, write):
        if write:
            cache.seen = 4
        return x + 1


def build():
    return Net().eval()


def profile():
    return call(1.0, False)


def serving():
    return {"plain": call(3.0, False), "writes": call(2.0, True)}


def call(value, write):
    return (torch.full((4,), value), Cache(), write), {}


EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-int"],
    "flags": {"plain": [], "writes": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["writes"],
    "recompiles": 1,
}
