"""Train mode in all calls, with dropout and batch statistics: the running mean is meant to change."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.drop, self.lin = nn.BatchNorm1d(4), nn.Dropout(0.3), nn.Linear(4, 2)

    def forward(self, x):
        return self.lin(self.drop(self.norm(x)))


def build():
    return Net().train()


def profile():
    return (torch.randn(6, 4, generator=torch.Generator().manual_seed(1)),), {}


def serving():
    return {f"batch{i}": ((torch.randn(6, 4, generator=torch.Generator().manual_seed(i)),), {}) for i in (2, 3)}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
