"""Sequence lengths go in as a list of ints and the forward splits by them.  The split points are constants of the
graph."""

import torch
import torch.nn as nn


class Pool(nn.Module):
    def forward(self, x, lengths):
        return torch.stack([part.mean(0) for part in x.split(lengths)])


def build():
    return Pool().eval()


def call(*lengths):
    return (torch.arange(16.0).reshape(8, 2), list(lengths)), {}


def profile():
    return call(4, 4)


def serving():
    return {"even": call(4, 4), "skewed": call(7, 1), "skewed_more": call(2, 6)}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-int",
    "flags": {"even": [], "skewed": ["specialization-int"], "skewed_more": ["specialization-int"]},
    "silent_wrong": True,
    "silent_scenarios": ["skewed", "skewed_more"],
    "recompiles": 1,
}
