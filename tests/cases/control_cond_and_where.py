"""Branches as data: torch.cond and torch.where in place of `if`."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, flag):
        y = torch.cond(flag, lambda t: t * 2, lambda t: t + 5, (x,))
        return torch.where(y > 3, y, -y)


def build():
    return Net().eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(3, 4), torch.tensor(False)), {}


def serving():
    return {
        "same": ((torch.zeros(3, 4), torch.tensor(False)), {}),
        "other": ((torch.ones(3, 4) / 2, torch.tensor(True)), {}),
    }


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
