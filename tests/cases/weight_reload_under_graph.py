"""Reloading weights replaces the parameter by a new tensor.  Stock torch.compile takes it as an input and is
right; a captured graph goes on reading the old address.
https://github.com/vllm-project/vllm/issues/48941"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3, 3, bias=False)

    def forward(self, x):
        return self.lin(x) + 1


def build():
    return Net().eval()


def context(name):
    return torch.no_grad()


def before(model, name):
    if name == "reloaded":
        model.lin.weight = nn.Parameter(torch.full((3, 3), 2.0))


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {
        "old": ((torch.zeros(2, 3),), {}),
        "reloaded": ((torch.ones(2, 3),), {}),
        "later": ((torch.ones(2, 3) * 3,), {}),
    }


CUDA_GRAPH = True
EXPECTED = {
    "class": "buffer-realloc",
    "flags": {"old": [], "reloaded": ["buffer-realloc"], "later": ["buffer-realloc"]},
    "silent_wrong": False,
    "recompiles": 0,
}
