"""torch's own encoder layer, on its fast path."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)

    def forward(self, x):
        return self.enc(x)


def build():
    return Net().eval()


def profile():
    return (torch.ones(2, 3, 4),), {}


def serving():
    return {"same": ((torch.zeros(2, 3, 4),), {}), "other": ((torch.ones(2, 3, 4) * 2,), {})}


def context(name):
    return torch.no_grad()


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
