"""A weight sync gives the parameter other memory; the object is the same, and so is every guard.  A captured graph goes
on reading the memory that it knew.
https://github.com/vllm-project/vllm/issues/48941"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3), requires_grad=False)

    def forward(self, x):
        return x @ self.weight


def build():
    return Net().eval()


def before(model, name):
    if name == "data":
        model.weight.data = torch.eye(3) * 2
    if name == "swapped":
        torch.utils.swap_tensors(model.weight, nn.Parameter(torch.eye(3) * 3, requires_grad=False))
    if name == "set":
        model.weight.set_(torch.eye(3) * 4)
    if name == "assigned":
        model.load_state_dict({"weight": torch.eye(3) * 5}, assign=True)
        model.weight.requires_grad_(False)


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {name: ((torch.ones(2, 3),), {}) for name in ("step", "data", "swapped", "set", "assigned")}


CUDA_GRAPH = True
MOVED = ("data", "swapped", "set", "assigned")
EXPECTED = {
    "class": "buffer-realloc",
    "flags": {"step": [], **{name: ["buffer-realloc"] for name in MOVED}},
    "outcomes": {
        "step": {"cuda-graph": "same"},
        **{name: {"cuda-graph": "silent-wrong", "drop": "same"} for name in MOVED},
    },
    "silent_wrong": False,
    "recompiles": 0,
}
