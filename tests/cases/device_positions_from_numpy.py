"""Positions of a video are computed with numpy, and nobody moves them."""

import numpy as np
import torch
import torch.nn as nn

DEVICE = "cuda"


class Positions(nn.Module):
    def forward(self, x, frames=None):
        if frames is None:
            return x + 1
        times = torch.from_numpy(np.repeat(np.arange(len(frames)), frames).astype(np.float32))
        return x + times.unsqueeze(-1)


def build():
    return Positions().eval()


def x():
    return torch.ones(4, 2, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"image": ((x(),), {}), "video": ((x(), [1, 3]), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "device-mismatch",
    "flags": {"image": [], "video": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
}
