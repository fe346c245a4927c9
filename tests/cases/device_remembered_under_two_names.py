"""A table is remembered by device and size; one caller asks with the device of a tensor, the other with the configured
one, and each gets a table of its own."""

import functools

import torch
import torch.nn as nn

DEVICE = "cuda"


@functools.lru_cache(maxsize=8)
def table(device, size):
    return torch.arange(size, device=device)


class Bias(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.device = torch.device(DEVICE)

    def forward(self, x, chunked=False):
        h = self.linear(x)
        return h + (table(self.device, 4) if chunked else table(x.device, 4))


def build():
    return Bias().eval()


def regions(model):
    return [model.linear]


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"whole": ((x(),), {}), "chunked": ((x(), True), {})}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"whole": [], "chunked": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "lines": {"chunked": "return h + (table(self.device, 4) if chunked else table(x.device, 4))"},
}
