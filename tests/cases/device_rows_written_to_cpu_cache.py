"""A cache that a preempted request left on the CPU is written in place by the next step."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Cached(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.rows = torch.zeros(8, 4, device=DEVICE)

    def forward(self, x, at, swapped=False):
        h = self.linear(x)
        if swapped:
            self.rows = self.rows.cpu()
        self.rows.index_copy_(0, at, h)
        return self.rows.sum(0)


def build():
    return Cached().eval()


def regions(model):
    return [model.linear]


def call(*more):
    return (torch.ones(2, 4, device=DEVICE), torch.arange(2, device=DEVICE), *more), {}


def context(name):
    return torch.no_grad()


def profile():
    return call()


def serving():
    return {"kept": call(), "swapped": call(True)}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "also": ["host-sync"],
    "flags": {"kept": [], "swapped": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"swapped": "self.rows = self.rows.cpu()"},
    "syncs": {"swapped": ["self.rows = self.rows.cpu()"]},
}
