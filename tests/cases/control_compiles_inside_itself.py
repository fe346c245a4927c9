"""A helper and a block that are compiled themselves, and flex_attention, which compiles itself: nothing is wrong."""

import warnings

import torch
import torch.nn as nn
from torch.nn.attention.flex_attention import flex_attention


@torch.compile(backend="eager", fullgraph=True, dynamic=True)
def count_greater(x, values):
    return (x >= values).sum(-1, keepdim=True)


class Block(nn.Module):
    def forward(self, x):
        with warnings.catch_warnings(action="ignore"):
            return flex_attention(x, x, x, score_mod=lambda score, b, h, i, j: score + (i - j))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block, self.tail = Block(), nn.Sequential(nn.ReLU())
        self.tail.compile(backend="eager", fullgraph=True)

    def forward(self, x):
        return self.tail(self.block(x)) + count_greater(x, x[..., :1])


def build():
    return Net().eval()


def profile():
    return (torch.linspace(-1, 1, 64).reshape(1, 1, 4, 16),), {}


def serving():
    return {"same": ((torch.linspace(-2, 1, 64).reshape(1, 1, 4, 16),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
