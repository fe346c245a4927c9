"""The same argument comes by position, by keyword, or as an explicit default."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, bias=None, scale=2.0):
        x = x * scale
        return x if bias is None else x + bias


def build():
    return Net().eval()


def profile():
    return (torch.ones(3),), {}


def serving():
    x = torch.arange(3.0)
    return {"keyword": ((), {"x": x}), "explicit": ((x, None), {}), "all": ((x,), {"scale": 2.0, "bias": None})}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
