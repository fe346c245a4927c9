"""A flag says that the cache is filled, and nobody takes it back for the next request: eager mode and stock
torch.compile answer with the first one's keys.  The graph of the warm-up call fills the cache each time: it
alone is right."""

import torch
import torch.nn as nn


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("keys", torch.zeros(3, 4))
        self.filled = {0: False}
        self.register_buffer("requests", torch.zeros(()))

    def forward(self, x, encoder):
        self.requests.add_(1)
        if not self.filled[0]:
            self.keys.copy_(encoder * 2)
            self.filled[0] = True
        return x @ self.keys.T


def build():
    return Attention().eval()


def call(value):
    return (torch.ones(1, 4), torch.full((3, 4), value)), {}


def profile():
    return call(1.0)


def serving():
    return {"same": call(1.0), "other": call(5.0)}


INDEPENDENT = True
EXPECTED = {
    "class": "stale-state",
    "also": ["module-attribute"],
    "flags": {"same": ["module-attribute"], "other": ["stale-state"]},
    "outcomes": {"same": {"drop": "same"}, "other": {"recompile": "silent-wrong", "drop": "same"}},
    "silent_wrong": True,
    "recompiles": None,
}
