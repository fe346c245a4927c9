"""The rotary table is built anew when a longer prompt comes.  Its size is guarded, so that the long prompt and
all requests after it miss the graph of the warm-up."""

import torch
import torch.nn as nn


class Rope(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.arange(8.0).cos())

    def forward(self, x):
        n = x.shape[0]
        if n > self.table.shape[0]:
            self.table = torch.arange(float(2 * n)).cos()
        return x * self.table[:n].unsqueeze(-1)


def build():
    return Rope().eval()


def profile():
    return (torch.ones(4, 2),), {}


def serving():
    return {
        "short": ((torch.zeros(4, 2),), {}),
        "long": ((torch.ones(12, 2),), {}),
        "short_after": ((torch.ones(4, 2),), {}),
    }


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-shape",
    "also": ["buffer-realloc"],
    "flags": {"short": [], "long": ["specialization-shape"], "short_after": ["specialization-shape"]},
    "silent_wrong": True,
    "silent_scenarios": ["long"],
    "silent_backends": ["inductor"],
    "recompiles": 2,
}
