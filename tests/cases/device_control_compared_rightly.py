"""Devices are compared by type, by index, with the index spelled out, and with both forms. Nothing is wrong here."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Careful(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.device = torch.device(DEVICE)
        self.tables = {}

    def table(self, x):
        key = (x.device.type, x.device.index or 0, x.shape[0])
        if key not in self.tables:
            self.tables[key] = torch.arange(x.shape[0], device=x.device)
        return self.tables[key]

    def forward(self, x, routed=False):
        h = self.linear(x)
        if routed:
            assert x.device.type == self.device.type
            assert x.device == self.linear.weight.device
            assert x.device == torch.device("cuda", torch.cuda.current_device())
            assert x.device == self.device or x.device == torch.device("cuda:0")
            assert str(x.device) in ("cuda", "cuda:0")
            h = h + self.table(x).unsqueeze(-1)
        return h


def build():
    return Careful().eval()


def regions(model):
    return [model.linear]


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"dense": ((x(),), {}), "routed": ((x(), True), {}), "again": ((x(), True), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
