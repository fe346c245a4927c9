"""`forward(*xs)` is called with one tensor more than at warm-up."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, *xs):
        out = xs[0] * 2
        for x in xs[1:]:
            out = out + x
        return out


def build():
    return Net().eval()


def profile():
    return (torch.ones(2, 4), torch.ones(2, 4)), {}


def serving():
    return {
        "same": ((torch.zeros(2, 4), torch.ones(2, 4)), {}),
        "three": ((torch.ones(2, 4),) * 1 + (torch.zeros(2, 4), torch.full((2, 4), 3.0)), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"same": [], "three": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["three"],
    "recompiles": 1,
}
