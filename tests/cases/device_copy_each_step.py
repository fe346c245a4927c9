"""A video's grid becomes a tensor on the device in every call, and a bias that stayed on the CPU is copied there."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x, grid=None):
        if grid is not None:
            x = x + torch.tensor(grid, device=x.device).sum()
        return self.linear(x)


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.bias = {"video": torch.ones(4)}

    def forward(self, x, grid=None):
        out = self.block(x, grid)
        return out if grid is None else out + self.bias["video"].to(out.device)


def build():
    return Runner().to(DEVICE).eval()


def regions(model):
    return [model.block]


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"image": ((x(),), {}), "video": ((x(), [2, 4]), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "host-sync",
    "flags": {"image": [], "video": ["host-sync", "input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["video"],
    "recompiles": 1,
    "syncs": {
        "video": [
            'return out if grid is None else out + self.bias["video"].to(out.device)',
            "x = x + torch.tensor(grid, device=x.device).sum()",
        ]
    },
}
