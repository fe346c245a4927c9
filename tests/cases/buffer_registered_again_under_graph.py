"""A request registers its table as a buffer anew; the captured graph reads the first one."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.zeros(3))

    def forward(self, x):
        return x + self.table


def build():
    return Net().eval()


HELD = []


def before(model, name):
    if name == "other":
        HELD.append(model.table)
        model.register_buffer("table", torch.ones(3))


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {name: ((torch.ones(2, 3),), {}) for name in ("step", "other")}


CUDA_GRAPH = True
EXPECTED = {
    "class": "buffer-realloc",
    "flags": {"step": [], "other": ["buffer-realloc"]},
    "outcomes": {"step": {"cuda-graph": "same"}, "other": {"cuda-graph": "silent-wrong"}},
    "silent_wrong": False,
    "recompiles": 0,
}
