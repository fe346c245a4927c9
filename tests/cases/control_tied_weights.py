"""Embedding and head share one parameter in all calls, and it is updated in place between them."""

import torch
import torch.nn as nn


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(6, 4), nn.Linear(4, 6, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids):
        return self.head(self.embed(ids))


def build():
    return Tied().eval()


def context(name):
    return torch.no_grad()


def before(model, name):
    if name == "updated":
        with torch.no_grad():
            model.embed.weight.mul_(0.5)


def profile():
    return (torch.arange(3),), {}


def serving():
    return {"first": ((torch.arange(3) + 1,), {}), "updated": ((torch.arange(3),), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
