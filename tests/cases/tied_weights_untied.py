"""Embedding and head share one parameter at warm-up.  Loading a checkpoint with a head of its own unties them;
the graph, which knows one tensor, goes on using the embedding for both."""

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
    if name == "loaded":
        model.head.weight = nn.Parameter(torch.full((6, 4), 0.5))


def profile():
    return (torch.arange(3),), {}


def serving():
    return {"tied": ((torch.arange(3) + 1,), {}), "loaded": ((torch.arange(3),), {})}


EXPECTED = {
    "class": "object-identity",
    "also": ["module-attribute"],
    "flags": {"tied": [], "loaded": ["object-identity"]},
    "silent_wrong": True,
    "silent_scenarios": ["loaded"],
    "recompiles": 1,
}
