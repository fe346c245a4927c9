"""What a layer computed is handed on in a dict of the call, under a key that warm-up does not set."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, hidden, keep):
        if keep:
            hidden["last"] = x * 2
        return x + 1


def build():
    return Net().eval()


def profile():
    return call(1.0, False)


def serving():
    return {"plain": call(3.0, False), "keeps": call(2.0, True)}


def call(value, keep):
    return (torch.full((4,), value), {}, keep), {}


EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-int"],
    "flags": {"plain": [], "keeps": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["keeps"],
    "recompiles": 1,
}
