"""The forward mode is a member of an enum on a batch object, as in SGLang's ForwardBatch.  Warm-up uses DECODE;
EXTEND takes another branch that the graph of the warm-up does not have."""

import enum

import torch
import torch.nn as nn


class ForwardMode(enum.Enum):
    EXTEND = enum.auto()
    DECODE = enum.auto()


class ForwardBatch:
    def __init__(self, mode, positions):
        self.forward_mode, self.positions = mode, positions


class Layer(nn.Module):
    def forward(self, x, batch):
        x = x * batch.positions.unsqueeze(-1)
        return x.flip(0) if batch.forward_mode is ForwardMode.EXTEND else x


def build():
    return Layer().eval()


def call(mode):
    return (torch.arange(8.0).reshape(4, 2), ForwardBatch(mode, torch.arange(4))), {}


def profile():
    return call(ForwardMode.DECODE)


def serving():
    return {"decode": call(ForwardMode.DECODE), "extend": call(ForwardMode.EXTEND)}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"decode": [], "extend": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["extend"],
    "recompiles": 1,
}
