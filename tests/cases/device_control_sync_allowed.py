"""The lengths of a request are copied to the device once, and the code says why it may wait for that."""

import torch
import torch.nn as nn

from steadygraph import allow_sync

DEVICE = "cuda"


class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x, lengths):
        with allow_sync("the scheduler has the lengths, and they come once per request"):
            weights = lengths.to(x.device)
        return (self.linear(x) * weights.unsqueeze(-1)).sum(0)


def build():
    return Pool().to(DEVICE).eval()


def call(*lengths):
    return (torch.ones(3, 4, device=DEVICE), torch.tensor(lengths)), {}


def profile():
    return call(1, 2, 3)


def serving():
    return {"other": call(3, 1, 1)}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
