"""Helpers under decorators whose code they share: Dynamo keeps them in one cache and tells them apart by guards."""

import functools

import torch
import torch.nn as nn


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@torch.compile(backend="eager")
@torch.no_grad()
def scaled(x, by=1.5):
    return x * by


@torch.compile(backend="eager")
@torch.no_grad()
def shifted(x, up=False):
    return x + 1 if up else x - 1


@torch.compile(backend="eager")
@logged
def lengthened(x, mode="a"):
    return x + len(mode)


@torch.compile(backend="eager")
@logged
def tripled(x):
    return x * 3


class Layers(nn.Module):
    def forward(self, x):
        return x * 2 + 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()

    def forward(self, x, by=1.5, up=False, mode="a"):
        return self.layers(tripled(lengthened(shifted(scaled(x, by), up), mode)))


def build():
    return Model().eval()


def regions(model):
    return [model.layers]


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    x = torch.linspace(-1, 1, 8).reshape(2, 4)
    changes = {"again": {}, "up": {"up": True}, "mode": {"mode": "bb"}, "by": {"by": 2.5}}
    return {name: ((x,), change) for name, change in changes.items()}


EXPECTED = {
    "class": "value",
    "flags": {"up": ["input-structure"], "mode": ["input-structure"], "by": ["specialization-float"]},
    "silent_wrong": False,
    "recompiles": 5,  # two of them at profile
}
