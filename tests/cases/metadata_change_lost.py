"""A workspace of the call gets other memory in serving only: another shape and other numbers."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, workspace, replace):
        if replace:
            workspace.data = x[:3] * 2
        return x + 1


def build():
    return Net().eval()


def profile():
    return call(1.0, False)


def serving():
    return {"plain": call(3.0, False), "replaced": call(2.0, True)}


def call(value, replace):
    return (torch.full((4,), value), torch.zeros(2, 3), replace), {}


EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-int"],
    "flags": {"plain": [], "replaced": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["replaced"],
    "recompiles": 1,
}
