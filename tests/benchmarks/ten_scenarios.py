"""Ten serving calls of which nine need no new graph: what analysing many scenarios costs."""

import torch
from torch import nn

HIDDEN = 32


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(HIDDEN, HIDDEN) for _ in range(24))

    def forward(self, x, bias=None):
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x if bias is None else x + bias


def build():
    return Decoder().eval()


def context(name):
    return torch.no_grad()


def call(n, bias=None):
    return (torch.randn(n, HIDDEN),), {"bias": bias}


def profile():
    return call(16)


def serving():
    return {f"n{n}": call(n) for n in range(2, 11)} | {"biased": call(16, torch.ones(HIDDEN))}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)
