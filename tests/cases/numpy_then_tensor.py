"""Positions come as a numpy array from one front end and as a tensor from the other."""

import numpy as np
import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, positions):
        return x * torch.as_tensor(positions)


def build():
    return Net().eval()


def profile():
    return (torch.ones(3), torch.arange(3)), {}


def serving():
    return {"tensor": ((torch.ones(3), torch.arange(3) + 1), {}), "array": ((torch.ones(3), np.arange(3)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"tensor": [], "array": ["input-structure"]},
    "silent_wrong": False,
    "recompiles": 1,
}
