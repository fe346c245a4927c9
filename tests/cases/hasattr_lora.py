"""The forward asks whether an adapter was attached, and one is attached after the warm-up."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = 1

    def forward(self, x):
        y = x * 2
        if hasattr(self, "lora"):
            y = y + self.lora
        return y


def build():
    return Net().eval()


def before(model, name):
    if name == "other":
        model.lora = torch.ones(4)


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


EXPECTED = {
    "class": "module-attribute",
    "flags": {"same": [], "other": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["other"],
    "recompiles": 1,
}
