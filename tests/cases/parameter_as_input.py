"""Prompt tuning hands in a learned prefix as nn.Parameter where warm-up had a plain tensor, under no_grad."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, prefix):
        return torch.cat([prefix, x]).mean(0)


def build():
    return Net().eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(3, 2), torch.zeros(2, 2)), {}


def serving():
    return {
        "plain": ((torch.ones(3, 2), torch.ones(2, 2)), {}),
        "learned": ((torch.ones(3, 2), nn.Parameter(torch.ones(2, 2))), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "requires-grad",
    "also": ["input-structure"],
    "flags": {"plain": [], "learned": ["requires-grad"]},
    "silent_wrong": False,
    "recompiles": 1,
}
