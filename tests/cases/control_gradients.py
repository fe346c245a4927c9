"""Training steps before and after: loss and gradients are those of eager mode, with an input that asks for one."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(3, 2)
        self.unused = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.second(self.first(x).tanh())


def build():
    return Net()


def observe(model, out):
    return out.square().mean()


def call(value):
    return (torch.full((2, 4), value).requires_grad_(),), {}


def profile():
    return call(1.0)


def serving():
    return {"same": call(1.0), "other": call(-0.5)}


BACKWARD = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
