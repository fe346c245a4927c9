"""A training step around a compiled body: backward and an update in place."""

import torch
import torch.nn as nn


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(x).tanh()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Body()

    def forward(self, x):
        loss = self.body(x).square().mean()
        loss.backward()
        with torch.no_grad():
            for p in self.body.parameters():
                p.sub_(0.1 * p.grad)
                p.grad = None
        return loss.detach()


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


def regions(model):
    return [model.body]


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
