"""The other way round: warm-up writes into the cache, and a call that must leave it alone (a scoring request) does
so too once guards are dropped."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, cache, write):
        if write:
            cache.copy_(x)
        return x + 1


def build():
    return Net().eval()


def profile():
    return call(1.0, True)


def serving():
    return {"plain": call(3.0, True), "scores": call(2.0, False)}


def call(value, write):
    return (torch.full((4,), value), torch.zeros(4), write), {}


EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-int"],
    "flags": {"plain": [], "scores": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["scores"],
    "recompiles": 1,
}
