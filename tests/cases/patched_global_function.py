"""A plug-in replaces a module-level function after the warm-up (monkey patching of an attention kernel).
https://github.com/pytorch/pytorch/issues/108898"""

import torch
import torch.nn as nn


def plain(x):
    return x.sin()


def patched(x):
    return x.cos()


kernel = plain


class Net(nn.Module):
    def forward(self, x):
        return kernel(x) + 1


def build():
    return Net().eval()


def before(model, name):
    global kernel
    kernel = patched if name == "patched" else plain


def profile():
    return (torch.ones(4),), {}


def serving():
    return {"plain": ((torch.zeros(4),), {}), "patched": ((torch.ones(4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "also": ["object-identity"],
    "flags": {"plain": [], "patched": ["global-state"]},
    "silent_wrong": True,
    "silent_scenarios": ["patched"],
    "recompiles": 1,
}
