"""The forward is wrapped by torch.no_grad, so that arguments reach it as *args; the mask is None at warm-up."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    @torch.no_grad()
    def forward(self, x, mask=None):
        y = self.lin(x)
        return y if mask is None else y * mask


def build():
    return Net().eval()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"same": ((torch.zeros(2, 4),), {}), "mask": ((torch.ones(2, 4), torch.zeros(2, 4)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"same": [], "mask": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["mask"],
    "recompiles": 1,
}
