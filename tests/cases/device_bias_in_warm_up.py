"""A bias is made without a device, on the way that every call takes: the warm-up itself raises in eager mode."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Biased(nn.Module):
    def forward(self, x):
        bias = torch.ones(8)
        return x + bias


def build():
    return Biased().eval()


def call(rows):
    return (torch.ones(rows, 8, device=DEVICE),), {}


def profile():
    return call(4)


def serving():
    return {"again": call(4), "more": call(5)}


EXPECTED = {
    "class": "device-mismatch",
    "flags": {name: ["device-mismatch"] for name in ("profile", "again", "more")},
    "lines": {name: "bias = torch.ones(8)" for name in ("profile", "again", "more")},
    "outcomes": {
        "profile": {"recompile": "raises", "drop": "raises"},
        "again": {"recompile": "unproved", "drop": "unproved"},
    },
    "recompiles": None,
}
