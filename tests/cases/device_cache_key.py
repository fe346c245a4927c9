"""A table is cached under the device of the activations and looked up under the configured one."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Bias(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.device = torch.device(DEVICE)
        self.cache = {}

    def bias(self, x):
        key = (self.device, x.shape[0])
        if key not in self.cache:
            self.cache[(x.device, x.shape[0])] = torch.arange(x.shape[0], device=x.device)
        return self.cache[(x.device, x.shape[0])]

    def forward(self, x, biased=False):
        h = self.linear(x)
        return h + self.bias(x).unsqueeze(-1) if biased else h


def build():
    return Bias().eval()


def regions(model):
    return [model.linear]


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"plain": ((x(),), {}), "first": ((x(), True), {}), "again": ((x(), True), {})}


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"plain": [], "first": [], "again": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "lines": {"again": "if key not in self.cache:"},
}
