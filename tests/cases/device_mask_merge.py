"""Rows of an image are written through a mask that lies on the device: their number is counted on the host."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Merge(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(16, 4)

    def forward(self, ids, rows=None, mask=None):
        x = self.embedding(ids).clone()
        if rows is not None:
            x[mask] = rows
        return x * 2


def build():
    return Merge().to(DEVICE).eval()


def ids():
    return torch.arange(6, device=DEVICE)


def mask():
    return torch.tensor([True, False, True, False, False, False], device=DEVICE)


def profile():
    return (ids(),), {}


def serving():
    return {"text": ((ids(),), {}), "image": ((ids(), torch.zeros(2, 4, device=DEVICE), mask()), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "host-sync",
    "flags": {"text": [], "image": ["host-sync", "input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["image"],
    "recompiles": 1,
    "syncs": {"image": ["x[mask] = rows"]},
}
