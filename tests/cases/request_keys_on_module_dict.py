"""States of running requests are a dict on the module, keyed by request: other keys, and more of them."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.states = {"warm": torch.zeros(4)}

    def forward(self, x):
        for state in self.states.values():
            x = x + state
        return x


def build():
    return Net().eval()


def before(model, name):
    model.states.clear()
    model.states["warm" if name in ("profile", "same") else name] = torch.full((4,), 2.0)
    if name == "two":
        model.states["more"] = torch.full((4,), 5.0)


def profile():
    return (torch.ones(4),), {}


def serving():
    return {name: ((torch.ones(4),), {}) for name in ("same", "other", "two")}


INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "flags": {"same": [], "other": ["module-attribute"], "two": ["module-attribute"]},
    "silent_wrong": False,
    "recompiles": 2,
}
