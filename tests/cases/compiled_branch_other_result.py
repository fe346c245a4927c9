"""A fast path for compiled code that computes something else, asked for through a helper, and one that does not."""

import torch
import torch.nn as nn


def is_torchdynamo_compiling():
    return torch.compiler.is_compiling()


class Attention(nn.Module):
    def forward(self, x, window=None):
        if is_torchdynamo_compiling():
            x = x + 0
        if window is not None and is_torchdynamo_compiling():
            return x.cumsum(-1)
        if window is not None:
            x = torch.where(torch.arange(x.shape[-1]) < window, x, 0.0)
        return x.cumsum(-1)


def build():
    return Attention().eval()


def profile():
    return (torch.linspace(-1, 1, 8).reshape(2, 4),), {"window": torch.tensor(4)}


def serving():
    x = torch.linspace(-2, 1, 8).reshape(2, 4)
    return {"wide": ((x,), {"window": torch.tensor(4)}), "narrow": ((x,), {"window": torch.tensor(2)})}


EXPECTED = {
    "class": "compiled-branch",
    "flags": {"narrow": ["missing-guard"]},
    "silent_wrong": True,
    "silent_scenarios": ["narrow"],
    "recompiles": 0,
}
