"""A plugin is loaded again and puts new code into a method that the model calls: Dynamo guards that it is the same
function, and not what its code is.
https://github.com/pytorch/pytorch/issues/111522"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def scaled(self, x):
        return x * 2

    def forward(self, x):
        return self.scaled(x)


FIRST = Net.scaled.__code__


def reloaded(self, x):
    return x * 3


def build():
    return Net().eval()


def before(model, name):
    Net.scaled.__code__ = reloaded.__code__ if name == "reloaded" else FIRST


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"same": ((torch.ones(4),), {}), "reloaded": ((torch.ones(4),), {})}


EXPECTED = {
    "class": "missing-guard",
    "flags": {"same": [], "reloaded": ["missing-guard"]},
    "silent_wrong": True,
    "silent_scenarios": ["reloaded"],
    "recompiles": 0,
}
