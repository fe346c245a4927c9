"""The compiled forward makes its workspace in the first call.  The graph of the warm-up is that of a model
without one, and no later call fits it."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.ws = None

    def forward(self, x):
        if self.ws is None:
            self.ws = torch.zeros_like(x)
        self.ws.copy_(x * 2)
        return self.ws + 1


def build():
    return Net().eval()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"zeros": ((torch.zeros(2, 4),), {}), "twos": ((torch.ones(2, 4) * 2,), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "flags": {"zeros": ["module-attribute"], "twos": ["module-attribute"]},
    "silent_wrong": False,
    "recompiles": 1,
}
