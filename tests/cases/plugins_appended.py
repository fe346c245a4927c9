"""A module-level list of plug-ins is run over the activations, and one request comes with more of them."""

import torch
import torch.nn as nn


def double(x):
    return x * 2


PLUGINS = [double]


class Net(nn.Module):
    def forward(self, x):
        for p in PLUGINS:
            x = p(x)
        return x


def build():
    return Net().eval()


def before(model, name):
    PLUGINS[1:] = [torch.relu, double] if name == "other" else []


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"same": [], "other": ["global-state"]},
    "silent_wrong": True,
    "silent_scenarios": ["other"],
    "recompiles": 1,
}
