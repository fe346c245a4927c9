"""The history is a mutable default argument: what one request appends, the next one sees.  Requests are
independent, and the result of the second depends on the first."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(2, 2)

    def forward(self, x):
        return self.lin(x)


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, x, history=[]):  # noqa: B006
        history.append(x)
        return self.net(torch.stack(history).sum(0))


def build():
    return Runner().eval()


def context(name):
    return torch.no_grad()


def regions(model):
    return [model.net]


def profile():
    return (torch.ones(2), []), {}


def serving():
    return {"first": ((torch.ones(2),), {}), "second": ((torch.ones(2) * 2,), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "stale-state",
    "flags": {"first": [], "second": ["stale-state"]},
    "silent_wrong": False,
    "recompiles": 0,
}
