"""The first call reads a length and keeps what it made of it.  A capture comes after a warm-up, in which that is
done."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("length", torch.tensor(3))
        self.table = None

    def prepare(self):
        self.table = torch.arange(self.length.item()).float()

    def forward(self, x):
        if self.table is None:
            self.prepare()
        return x + self.table


def build():
    return Net().eval()


def before(model, name):
    if name != "profile" and model.table is None:
        model.prepare()


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {"step": ((torch.zeros(2, 3),), {})}


CUDA_GRAPH = True
EXPECTED = {
    "class": "module-attribute",
    "also": ["graph-break", "host-sync"],
    "flags": {"step": ["module-attribute"]},
    "outcomes": {"profile": {"cuda-graph": "same"}, "step": {"cuda-graph": "same"}},
    "silent_wrong": False,
    "recompiles": None,
}
