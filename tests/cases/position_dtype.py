"""Positions are int64 at warm-up, int32 from the scheduler: a recompile, and with inductor and without guards the
kernel reads pairs of int32 as one number."""

import torch
import torch.nn as nn


class Rope(nn.Module):
    def forward(self, x, positions):
        return x * torch.cos(positions.float().unsqueeze(-1))


def build():
    return Rope().eval()


def profile():
    return (torch.ones(6, 2), torch.arange(6)), {}


def serving():
    return {
        "long": ((torch.ones(6, 2), torch.arange(6) + 3), {}),
        "int": ((torch.ones(6, 2), (torch.arange(6) + 3).int()), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "dtype",
    "flags": {"long": [], "int": ["dtype"]},
    "silent_wrong": True,
    "silent_scenarios": ["int"],
    "silent_backends": ["inductor"],
    "recompiles": 1,
}
