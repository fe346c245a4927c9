"""Speculative decoding appends a draft layer to the model's ModuleList after the warm-up.  The loop was unrolled
without it."""

import torch
import torch.nn as nn


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))

    def forward(self, x):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x


def build():
    return Stack().eval()


def before(model, name):
    if name == "draft":
        torch.manual_seed(5)
        model.layers.append(nn.Linear(4, 4))


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"plain": ((torch.zeros(2, 4),), {}), "draft": ((torch.ones(2, 4),), {})}


EXPECTED = {
    "class": "module-attribute",
    "flags": {"plain": [], "draft": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["draft"],
    "recompiles": 1,
}
