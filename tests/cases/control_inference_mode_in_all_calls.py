"""Inference mode everywhere, buffers that are written there included."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.register_buffer("total", torch.zeros(4))

    def forward(self, x):
        self.total.add_(x.sum(0))
        return self.lin(x) + self.total


def build():
    return Net().eval()


def context(name):
    return torch.inference_mode()


def made(value):
    with torch.inference_mode():
        return torch.full((2, 4), value)


def profile():
    return (made(0.0),), {}


def serving():
    return {"one": ((made(1.0),), {}), "two": ((made(2.0),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
