"""A steering hook is registered on a layer after the first compilation.  Dynamo leaves out the guards on the
hooks of layers (skip_nnmodule_hook_guards), so that it never fires, with guards kept as well.
https://github.com/pytorch/pytorch/issues/117758"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def build():
    return Net().eval()


def steer(module, args, output):
    return output + 3


def before(model, name):
    if name == "steered":
        model.first.register_forward_hook(steer)


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"plain": ((torch.zeros(2, 4),), {}), "steered": ((torch.ones(2, 4),), {})}


EXPECTED = {
    "class": "missing-guard",
    "also": ["module-attribute"],
    "flags": {"plain": [], "steered": ["missing-guard"]},
    "silent_wrong": True,
    "silent_scenarios": ["steered"],
    "recompiles": 0,
}
