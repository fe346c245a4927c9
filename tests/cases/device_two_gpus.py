"""A second GPU holds the vision tower; nobody brings its features back to the first."""

import torch
import torch.nn as nn

DEVICE = "cuda:1"


class TwoDevices(nn.Module):
    def __init__(self):
        super().__init__()
        self.vision = nn.Linear(4, 4, device="cuda:1")
        self.text = nn.Linear(4, 4, device="cuda:0")

    def forward(self, x, pixels=None):
        h = self.text(x)
        if pixels is not None:
            h = h + self.vision(pixels.to("cuda:1"))
        return h


def build():
    return TwoDevices().eval()


def x():
    return torch.ones(3, 4, device="cuda:0")


def profile():
    return (x(),), {}


def serving():
    return {"text": ((x(),), {}), "image": ((x(), torch.ones(3, 4)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "device-mismatch",
    "also": ["input-structure"],
    "flags": {"text": [], "image": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
}
