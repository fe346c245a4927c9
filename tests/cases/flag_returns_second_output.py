"""A bool argument makes the forward return hidden states beside the logits.  Warm-up never asks for them; without
guards the caller who does gets one tensor in place of a pair."""

import torch
import torch.nn as nn


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.out = nn.Linear(4, 6), nn.Linear(6, 2)

    def forward(self, x, return_hidden=False):
        hidden = torch.relu(self.up(x))
        logits = self.out(hidden)
        return (logits, hidden) if return_hidden else logits


def build():
    return Head().eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"logits": ((torch.zeros(2, 4),), {}), "hidden": ((torch.ones(2, 4),), {"return_hidden": True})}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"logits": [], "hidden": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["hidden"],
    "recompiles": 1,
}
