"""The attention implementation is a function on the module, replaced by another one between requests."""

import torch
import torch.nn as nn


def plain(q):
    return (q @ q.t()).softmax(-1) @ q


def linear(q):
    return q @ (q.t() @ q)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attend = plain

    def forward(self, x):
        return self.attend(x) + 1


def build():
    return Net().eval()


def before(model, name):
    model.attend = linear if name == "linear" else plain


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "linear": ((torch.ones(3, 4) / 2,), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "flags": {"same": [], "linear": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["linear"],
    "recompiles": 1,
}
