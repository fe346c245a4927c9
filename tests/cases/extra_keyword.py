"""`forward(x, **extras)` is warmed up without extras; the image request adds `pixel_values`.  Dynamo guards the
keys of the dict of keywords, so guards see it; without them the keyword is dropped on the floor."""

import torch
import torch.nn as nn


class Model(nn.Module):
    def forward(self, x, **extras):
        pixels = extras.get("pixel_values")
        return x if pixels is None else x + pixels.mean(0)


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Model()

    def forward(self, x, **extras):
        return torch.relu(self.inner(x, **extras)) * 2


def build():
    return Wrapped().eval()


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"text": ((torch.zeros(4),), {}), "image": ((torch.ones(4),), {"pixel_values": torch.full((3, 4), 2.0)})}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"text": [], "image": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["image"],
    "recompiles": 1,
}
