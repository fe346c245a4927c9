"""A view that overlaps itself is written to: AOTAutograd's functional graph has another result than eager mode, in the
warm-up call already.
https://github.com/pytorch/pytorch/issues/174371"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, a):
        x = a.clone()
        windows = x.as_strided((2, 2), (1, 1), 0)
        windows.add_(1.0)
        return windows


def build():
    return Net().eval()


def call(start):
    return (torch.arange(start, start + 40.0).reshape(2, 2, 10),), {}


def profile():
    return call(0)


def serving():
    return {"again": call(1)}


EXPECTED = {
    "class": "missing-guard",
    "flags": {"profile": ["missing-guard"], "again": ["missing-guard"]},
    "silent_wrong": True,
    "silent_scenarios": ["again"],
    "recompiles": 0,
}
