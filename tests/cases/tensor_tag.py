"""A scale rides along as a Python attribute of the input tensor."""

import torch
import torch.nn as nn


def tagged(v):
    t = torch.ones(3)
    t.tag = v
    return t


class Net(nn.Module):
    def forward(self, x):
        return x * x.tag


def build():
    return Net().eval()


def profile():
    return (tagged(2.0),), {}


def serving():
    return {"same": ((tagged(2.0),), {}), "other": ((tagged(3.0),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-float",
    "flags": {"same": [], "other": ["specialization-float"]},
    "silent_wrong": True,
    "silent_scenarios": ["other"],
    "recompiles": 1,
}
