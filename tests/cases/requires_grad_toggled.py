"""Layers are frozen and thawed between steps: Dynamo guards each parameter's requires_grad, and compiles once for each
setting.
https://github.com/pytorch/pytorch/issues/139476"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.second(x + self.first.bias)


def build():
    return Net()


def before(model, name):
    model.second.requires_grad_(name != "frozen")


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {"thawed": ((torch.ones(2, 3),), {}), "frozen": ((torch.ones(2, 3),), {})}


EXPECTED = {
    "class": "requires-grad",
    "flags": {"thawed": [], "frozen": ["requires-grad"]},
    "silent_wrong": False,
    "recompiles": 1,
}
