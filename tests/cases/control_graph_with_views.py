"""The captured call writes through views of a buffer on the module."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.buf = torch.zeros(6, 4)

    def forward(self, x):
        self.buf[: x.shape[0]].copy_(x)
        a, b = self.buf[: x.shape[0]].chunk(2, -1)
        a.add_(1)
        return a * b, self.buf.t()[0].clone()


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "other": ((torch.ones(3, 4) * 2,), {})}


CUDA_GRAPH = True


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
