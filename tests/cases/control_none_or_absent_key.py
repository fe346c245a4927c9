"""A key that is None at warm-up is absent at serving, and get() finds None in both."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, d):
        m = d.get("mask")
        return x if m is None else x * m


def build():
    return Net().eval()


def profile():
    return (torch.ones(3), {"mask": None, "b": torch.ones(3)}), {}


def serving():
    return {
        "same": ((torch.ones(3), {"mask": None, "b": torch.ones(3)}), {}),
        "other": ((torch.ones(3), {"b": torch.ones(3)}), {}),
    }


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
