"""Rotary tables are remembered by length alone, though they depend on the request's base too.  The second request
gets the table of the first."""

import torch
import torch.nn as nn


class Rotate(nn.Module):
    def forward(self, x, table):
        return x * table.unsqueeze(-1)


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.rotate = Rotate()
        self.tables = {}

    def forward(self, x, base):
        n = x.shape[0]
        if n not in self.tables:
            self.tables[n] = (torch.arange(n) / base).cos()
        return self.rotate(x, self.tables[n])


def build():
    return Runner().eval()


def regions(model):
    return [model.rotate]


def profile():
    return (torch.ones(4, 2), 10.0), {}


def serving():
    return {"same_base": ((torch.ones(4, 2), 10.0), {}), "other_base": ((torch.ones(4, 2), 50.0), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "stale-state",
    "flags": {"same_base": [], "other_base": ["stale-state"]},
    "silent_wrong": False,
    "recompiles": 0,
}
