"""A table of the module's file is written in serving only, and read by nobody in that call."""

import torch
import torch.nn as nn

LAST = {"hidden": torch.zeros(4)}


class Net(nn.Module):
    def forward(self, x, keep):
        if keep:
            LAST["hidden"].copy_(x)
        return x + 1


def build():
    return Net().eval()


def profile():
    return (torch.ones(4), False), {}


def serving():
    return {"plain": ((torch.full((4,), 3.0), False), {}), "keeps": ((torch.full((4,), 2.0), True), {})}


EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-int"],
    "flags": {"plain": [], "keeps": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["keeps"],
    "recompiles": 1,
}
