"""The scheduler pads the batch to the next captured size and hands over block tables of the valid sequences; a
check that the two agree raises for the first batch that needed padding.  Warm-up sizes need none."""

import torch
import torch.nn as nn


class Decode(nn.Module):
    def forward(self, x, tables):
        return x + tables.sum(-1, keepdim=True)


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.decode = Decode()

    def forward(self, x, tables):
        if tables.shape[0] != x.shape[0]:
            raise RuntimeError(f"batch of {x.shape[0]} with block tables of {tables.shape[0]} sequences")
        return self.decode(x, tables)


def build():
    return Runner().eval()


def regions(model):
    return [model.decode]


def profile():
    return (torch.ones(8, 2), torch.ones(8, 4)), {}


def serving():
    return {"full": ((torch.zeros(8, 2), torch.ones(8, 4)), {}), "padded": ((torch.ones(8, 2), torch.ones(5, 4)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "padded-vs-valid",
    "flags": {"full": [], "padded": ["padded-vs-valid"]},
    "silent_wrong": False,
    "eager_error": True,
    "recompiles": 0,
}
