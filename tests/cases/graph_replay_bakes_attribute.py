"""A captured graph replays kernels; the Python float on the module that scaled them at capture is in them for
good."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.temperature = 1.0

    def forward(self, logits):
        return (logits / self.temperature).softmax(-1)


def build():
    return Net().eval()


def before(model, name):
    model.temperature = 0.25 if name == "cold" else 1.0


def profile():
    return (torch.arange(4.0),), {}


def serving():
    return {"usual": ((torch.arange(4.0).flip(0),), {}), "cold": ((torch.arange(4.0),), {})}


CUDA_GRAPH = True
INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "also": ["graph-capture"],
    "flags": {"usual": [], "cold": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["cold"],
    "recompiles": 1,
}
