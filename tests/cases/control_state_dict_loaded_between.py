"""A state dict is loaded between calls, once by copying and once by assigning the tensors."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x):
        return self.lin(x) * self.scale


def build():
    return Net().eval()


def before(model, name):
    if name == "loaded":
        model.load_state_dict({"lin.weight": torch.eye(4), "lin.bias": torch.zeros(4), "scale": torch.tensor(3.0)})
    if name == "assigned":
        model.load_state_dict(
            {"lin.weight": torch.eye(4) * 2, "lin.bias": torch.zeros(4), "scale": torch.tensor(3.0)}, assign=True
        )


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {name: ((torch.ones(2, 4),), {}) for name in ("same", "loaded", "assigned")}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
