"""Only requests with a penalty reach a check that reads a tensor on the host: a branch that warm-up never took,
with a graph break and a wait for the device in it."""

import torch
import torch.nn as nn


class Sampler(nn.Module):
    def forward(self, logits, penalty=None):
        probs = logits.softmax(-1)
        if penalty is not None:
            if penalty.max() > 1:
                probs = probs / penalty
            probs = probs * 2
        return probs


def build():
    return Sampler().eval()


def logits(seed):
    return torch.randn(2, 5, generator=torch.Generator().manual_seed(seed))


def profile():
    return (logits(0),), {}


def serving():
    return {"plain": ((logits(1),), {}), "penalty": ((logits(2), torch.full((5,), 1.5)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {"plain": [], "penalty": ["input-structure", "graph-break", "host-sync"]},
    "silent_wrong": True,
    "silent_scenarios": ["penalty"],
    "recompiles": 1,
}
