"""The model is cast after it was captured: each parameter keeps its name and gets other memory, of another dtype.
Stock torch.compile sees the dtype and compiles again; the captured graph computes with the old weights."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full((3,), 2.0), requires_grad=False)

    def forward(self, x):
        return x * self.scale


def build():
    return Net().eval()


def before(model, name):
    if name == "cast":
        model.to(torch.float64)


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {"step": ((torch.ones(2, 3),), {}), "cast": ((torch.ones(2, 3),), {})}


CUDA_GRAPH = True
EXPECTED = {
    "class": "buffer-realloc",
    "also": ["dtype"],
    "flags": {"step": [], "cast": ["buffer-realloc"]},
    "outcomes": {"step": {"cuda-graph": "same"}, "cast": {"cuda-graph": "silent-wrong"}},
    "silent_wrong": False,
    "recompiles": 1,
}
