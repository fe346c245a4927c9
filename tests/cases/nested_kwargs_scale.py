"""`cross_attention_kwargs={"scale": ...}` of diffusers: a float in a dict among the keywords, and no dict at all."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, cross_attention_kwargs=None):
        scale = 1.0 if cross_attention_kwargs is None else cross_attention_kwargs.get("scale", 1.0)
        return x * scale + 1


def build():
    return Net().eval()


def profile():
    return (torch.arange(4.0),), {"cross_attention_kwargs": {"scale": 1.0}}


def serving():
    return {
        "same": ((torch.zeros(4),), {"cross_attention_kwargs": {"scale": 1.0}}),
        "weak": ((torch.arange(4.0),), {"cross_attention_kwargs": {"scale": 0.5}}),
        "none": ((torch.arange(4.0),), {"cross_attention_kwargs": None}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-float",
    "flags": {"same": [], "weak": ["specialization-float"], "none": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["weak"],
    "recompiles": 2,
}
