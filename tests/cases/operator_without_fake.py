"""An operator that was registered for real tensors only, as many a kernel is in its first version: torch.compile cannot
trace it, and the warm-up raises."""

import torch
import torch.nn as nn


@torch.library.custom_op("steadygraph_cases::rounded", mutates_args=())
def rounded(x: torch.Tensor) -> torch.Tensor:
    return x.round()


class Quantized(nn.Module):
    def forward(self, x):
        return rounded(x * 4) / 4


def build():
    return Quantized().eval()


def profile():
    return (torch.linspace(0, 4, 8),), {}


def serving():
    return {"again": ((torch.linspace(0, 1, 8),), {})}


EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break"], "again": []},
    "outcomes": {
        "profile": {"recompile": "raises", "drop": "raises"},
        "again": {"recompile": "unproved", "drop": "unproved"},
    },
    "recompiles": None,
}
