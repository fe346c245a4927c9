"""A helper under functools.cache: eager mode computes once and returns what it computed ever after.  Dynamo looks
through the cache and traces the helper again when what it read has changed: guards kept, the result is another.
https://github.com/pytorch/pytorch/issues/146598"""

import functools

import torch
import torch.nn as nn

SETTINGS = {"scale": 1.0}


@functools.cache
def scale():
    return SETTINGS["scale"]


class Net(nn.Module):
    def forward(self, x):
        return x * scale()


def build():
    scale.cache_clear()
    return Net().eval()


def before(model, name):
    if name == "profile":
        scale.cache_clear()
    SETTINGS["scale"] = 2.0 if name == "changed" else 1.0


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"same": ((torch.ones(4),), {}), "changed": ((torch.ones(4),), {})}


EXPECTED = {
    "class": "missing-guard",
    "also": ["specialization-float"],
    "flags": {"same": [], "changed": ["missing-guard"]},
    "silent_wrong": False,
    "recompiles": 1,
}
