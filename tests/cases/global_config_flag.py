"""A module-level configuration object decides about a branch, and one request switches it."""

import torch
import torch.nn as nn


class Options:
    use_bias = False


OPTIONS = Options()


class Net(nn.Module):
    def forward(self, x):
        return x + 10 if OPTIONS.use_bias else x * 1


def build():
    return Net().eval()


def before(model, name):
    OPTIONS.use_bias = name == "bias"


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"plain": ((torch.zeros(4),), {}), "bias": ((torch.ones(4),), {}), "plain_again": ((torch.ones(4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"plain": [], "bias": ["global-state"], "plain_again": []},
    "silent_wrong": True,
    "silent_scenarios": ["bias"],
    "recompiles": 1,
}
