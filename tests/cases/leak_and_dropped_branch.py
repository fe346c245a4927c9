"""Rows of an earlier request show in this one, in eager mode already; and an argument that is None at profile is not
even looked at by the graph of the profile call.  No way of running the second request is right."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("rows", torch.zeros(3))

    def forward(self, x, image=None):
        if image is not None:
            self.rows.add_(image)
        return x + self.rows


def build():
    return Net().eval()


def profile():
    return (torch.ones(3),), {}


def serving():
    return {
        "image": ((torch.ones(3), torch.ones(3)), {}),
        "other_image": ((torch.ones(3), torch.full((3,), 4.0)), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"image": ["input-structure"], "other_image": ["input-structure", "stale-state"]},
    "outcomes": {"other_image": {"recompile": "silent-wrong", "drop": "silent-wrong"}},
    "silent_wrong": True,
    "silent_scenarios": ["image", "other_image"],
    "recompiles": 1,
}
