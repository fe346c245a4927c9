"""The step's metadata tensor is a new one each time, assigned to an attribute of the model before the call.  A
captured graph knows the first by its address.
https://github.com/vllm-project/vllm/pull/44868"""

import torch
import torch.nn as nn


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.slots = torch.arange(4)

    def forward(self, x):
        return x[self.slots] * 2


def build():
    return Attention().eval()


ORDERS = {"profile": [0, 1, 2, 3], "same": [0, 1, 2, 3], "other": [3, 1, 0, 2]}
HELD = []


def before(model, name):
    HELD.append(model.slots)
    model.slots = torch.tensor(ORDERS[name])


def profile():
    return (torch.arange(8.0).reshape(4, 2),), {}


def serving():
    return {name: ((torch.arange(8.0).reshape(4, 2),), {}) for name in ("same", "other")}


CUDA_GRAPH = True
INDEPENDENT = True
EXPECTED = {
    "class": "buffer-realloc",
    "flags": {"same": ["buffer-realloc"], "other": ["buffer-realloc"]},
    "silent_wrong": False,
    "recompiles": 0,
}
