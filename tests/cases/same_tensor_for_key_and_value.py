"""Warm-up passes one dummy tensor as key and as value.  Dynamo sees that they are the same object and reads only
one of them; without guards real requests get attention over keys in place of values."""

import torch
import torch.nn as nn


class Attention(nn.Module):
    def forward(self, q, k, v):
        return (q @ k.t()).softmax(-1) @ v


def build():
    return Attention().eval()


def rows(seed):
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))


def profile():
    dummy = torch.zeros(3, 4)
    return (rows(0), dummy, dummy), {}


def serving():
    shared = rows(4)
    return {"shared": ((rows(1), shared, shared), {}), "apart": ((rows(1), rows(2), rows(3)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "object-identity",
    "flags": {"shared": [], "apart": ["object-identity"]},
    "silent_wrong": True,
    "silent_scenarios": ["apart"],
    "recompiles": 1,
}
