"""A helper under @torch.compile, called outside of the region: other dtypes at serving compile it again."""

import torch
import torch.nn as nn


@torch.compile(backend="eager")
def within(ids, start: int, end: int):
    keep = (ids >= start) & (ids < end)
    return torch.where(keep, ids - start, 0), keep


class Layers(nn.Module):
    def forward(self, x):
        return x * 2 + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.linspace(-1, 1, 32).reshape(8, 4))
        self.layers = Layers()

    def forward(self, ids):
        ids, keep = within(ids, 2, 10)
        return self.layers(self.table[ids] * keep[:, None])


def build():
    return Model().eval()


def regions(model):
    return [model.layers]


def profile():
    return (torch.arange(6),), {}


def serving():
    return {"prefill": ((torch.arange(6) + 1,), {}), "verify": ((torch.arange(6, dtype=torch.int32),), {})}


EXPECTED = {"class": "dtype", "flags": {"verify": ["dtype"]}, "silent_wrong": False, "recompiles": 1}
