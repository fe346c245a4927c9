"""Inputs are views in every call: expanded, transposed and sliced alike."""

import torch
import torch.nn as nn


class Mix(nn.Module):
    def forward(self, scale, table, rows):
        return scale.unsqueeze(-1) * (rows @ table)


def build():
    return Mix().eval()


def call(seed):
    g = torch.Generator().manual_seed(seed)
    base = torch.randn(8, 6, generator=g)
    return (
        torch.full((1,), 1.0 + seed).expand(4),
        torch.randn(5, 3, generator=g).t(),
        base[seed % 3 : seed % 3 + 4, 1:4],
    ), {}


def profile():
    return call(0)


def serving():
    return {f"request{i}": call(i) for i in (1, 2, 3)}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
