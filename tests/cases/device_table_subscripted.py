"""Tables are kept under the device of the activations and read under the configured one: cuda:0 is not cuda."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Rotary(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.device = torch.device(DEVICE)
        self.tables = {}

    def forward(self, x, rotate=False):
        h = self.linear(x)
        if rotate:
            self.tables.setdefault(h.device, torch.arange(4, device=h.device))
            h = h * self.tables[self.device]
        return h


def build():
    return Rotary().eval()


def regions(model):
    return [model.linear]


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"plain": ((x(),), {}), "rotated": ((x(), True), {})}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"plain": [], "rotated": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"rotated": "h = h * self.tables[self.device]"},
}
