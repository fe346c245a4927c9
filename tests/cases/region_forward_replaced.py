"""The forward of a region is replaced on the instance between calls, and put back: each is compiled once."""

import torch
import torch.nn as nn


class Block(nn.Module):
    def forward(self, x):
        return x * 2


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block(x) + 1


def build():
    return Model().eval()


def regions(model):
    return [model.block]


def before(model, name):
    if name == "adapted":
        plain = model.block.forward
        model.block.forward = lambda x: plain(x) + x * 10
    elif "forward" in vars(model.block):
        del model.block.forward


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    x = torch.linspace(-1, 1, 8).reshape(2, 4)
    return {"plain": ((x,), {}), "adapted": ((x,), {}), "plain again": ((x,), {})}


EXPECTED = {
    "class": "module-attribute",
    "flags": {"adapted": ["module-attribute"]},
    "silent_wrong": False,
    "recompiles": 1,
}
