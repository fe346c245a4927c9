"""Compiled with dynamic=True and warmed up with a batch of one: the 1 is burned in although everything was to be
dynamic, and without guards the mean is taken over one row whatever the batch is."""

import torch
import torch.nn as nn


class Mean(nn.Module):
    def forward(self, x):
        return x.sum(0) / x.shape[0]


def build():
    return Mean().eval()


COMPILE = {"dynamic": True}


def profile():
    return (torch.ones(1, 4),), {}


def serving():
    return {"one": ((torch.zeros(1, 4),), {}), "six": ((torch.ones(6, 4),), {}), "nine": ((torch.ones(9, 4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-01",
    "flags": {"one": [], "six": ["specialization-01"], "nine": ["specialization-01"]},
    "silent_wrong": True,
    "silent_scenarios": ["six", "nine"],
    "recompiles": 1,
}
