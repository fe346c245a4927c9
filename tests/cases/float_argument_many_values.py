"""The guidance scale is a float argument of the compiled denoiser.  The second value compiles a graph in which it
is an input, and later ones reuse that; without guards everybody gets the scale of the warm-up."""

import torch
import torch.nn as nn


class Denoise(nn.Module):
    def forward(self, x, scale):
        return x * scale + scale**2


def build():
    return Denoise().eval()


def call(scale):
    return (torch.linspace(-1, 1, 5), scale), {}


def profile():
    return call(7.5)


def serving():
    return {"usual": call(7.5), "low": call(1.5), "high": call(12.0), "none": call(0.0)}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-float",
    "flags": {
        "usual": [],
        "low": ["specialization-float"],
        "high": ["specialization-float"],
        "none": ["specialization-float"],
    },
    "silent_wrong": True,
    "silent_scenarios": ["low", "high", "none"],
    "recompiles": 1,
}
