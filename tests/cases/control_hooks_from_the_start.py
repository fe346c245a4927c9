"""Forward hooks and a pre-hook are registered before the warm-up and stay."""

import torch
import torch.nn as nn


def halve(module, args):
    return (args[0] / 2,)


def steer(module, args, output):
    return output + 1


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)
        self.first.register_forward_pre_hook(halve)
        self.first.register_forward_hook(steer)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


def build():
    return Net().eval()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"zeros": ((torch.zeros(2, 4),), {}), "twos": ((torch.full((2, 4), 2.0),), {})}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
