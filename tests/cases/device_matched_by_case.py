"""A kernel is chosen by a match statement over the device; cuda:0 is not the configured cuda, so the slow one runs."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Kernels(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.device = torch.device(DEVICE)

    def scaled(self, h):
        match h.device:
            case self.device:
                return h * 2
            case _:
                return torch.stack([row * 2 for row in h])

    def forward(self, x, scale=False):
        h = self.linear(x)
        return self.scaled(h) if scale else h


def build():
    return Kernels().eval()


def regions(model):
    return [model.linear]


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"plain": ((x(),), {}), "scaled": ((x(), True), {})}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"plain": [], "scaled": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "lines": {"scaled": "case self.device:"},
}
