"""is_compiling() everywhere, as in transformers: both ways lead to the same, whatever else changes."""

import torch
import torch.nn as nn
from torch.compiler import is_compiling


class Mask(nn.Module):
    def forward(self, x, mask=None):
        if not is_compiling() and mask is not None and bool(mask.all()):
            mask = None
        if torch.compiler.is_dynamo_compiling():
            x = x * 1
        return x if mask is None else torch.where(mask, x, 0.0) + 0


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mask, self.out = Mask(), nn.Linear(4, 4)

    def forward(self, x, mask=None):
        return self.out(self.mask(x, mask))


def build():
    torch.manual_seed(0)
    return Net().eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(2, 4),), {"mask": torch.ones(2, 4, dtype=torch.bool)}


def serving():
    x = torch.linspace(-1, 1, 8).reshape(2, 4)
    return {"all": ((x,), {"mask": torch.ones(2, 4, dtype=torch.bool)}), "some": ((x,), {"mask": x > 0})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
