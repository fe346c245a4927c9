"""One client passes a subclass of Tensor (labels of the dimensions ride along), warm-up a plain one."""

import torch
import torch.nn as nn


class Labelled(torch.Tensor):
    pass


class Net(nn.Module):
    def forward(self, x):
        return x.sum(0) * 2


def build():
    return Net().eval()


def profile():
    return (torch.ones(3, 2),), {}


def observe(model, out):
    return out.as_subclass(torch.Tensor)


def serving():
    return {"plain": ((torch.zeros(3, 2),), {}), "labelled": ((torch.ones(3, 2).as_subclass(Labelled),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"plain": [], "labelled": ["input-structure"]},
    "silent_wrong": False,
    "recompiles": 1,
}
