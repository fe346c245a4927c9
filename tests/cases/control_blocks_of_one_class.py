"""Three compiled blocks of one class, with weights and buffers of their own and equal settings."""

import torch
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.lin, self.scale = nn.Linear(4, 4), 2.0
        self.register_buffer("shift", torch.full((4,), value))

    def forward(self, x, *, mask):
        return x + self.scale * torch.relu(self.lin(x) + self.shift) * mask


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Block(float(i)) for i in range(3))

    def forward(self, x, mask):
        for block in self.blocks:
            x = block(x, mask=mask)
        return x


def build():
    return Model().eval()


def context(name):
    return torch.no_grad()


def regions(model):
    return list(model.blocks)


def profile():
    return (torch.ones(2, 4), torch.ones(2, 1)), {}


def serving():
    return {
        "all": ((torch.zeros(2, 4), torch.ones(2, 1)), {}),
        "half": ((torch.ones(2, 4), torch.tensor([[1.0], [0.0]])), {}),
    }


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
