"""A counter on the host, raised in the region and returned beside the result: a captured graph consists of the device's
kernels, and the counter stays where it was."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.ones(3, device=DEVICE))
        self.steps = torch.zeros((), dtype=torch.int64)

    def forward(self, x):
        self.steps += 1
        return x * self.weight, self.steps + 0


def build():
    return Net().eval()


def call(value):
    return (torch.full((2, 3), value, device=DEVICE),), {}


def profile():
    return call(1.0)


def serving():
    return {"step": call(2.0)}


CUDA_GRAPH = True
EXPECTED = {
    "class": "replay-differs",
    "flags": {"step": ["buffer-realloc"]},
    "outcomes": {"step": {"cuda-graph": "silent-wrong", "drop": "same"}},
    "silent_wrong": False,
    "recompiles": 0,
}
