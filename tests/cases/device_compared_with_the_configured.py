"""Devices of tensors are compared with the configured one, and never equal it: cuda:0 is not cuda.

A kernel is chosen by a match statement; tables are kept under one device and read under the other; a table is
remembered by its device, and each caller gets one of its own; a workspace is made anew at every step.
"""

import functools

import torch
import torch.nn as nn

DEVICE = "cuda"


@functools.lru_cache(maxsize=8)
def table(device, size):
    return torch.arange(size, device=device)


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.device = torch.device(DEVICE)
        self.tables = {}
        self.workspace = torch.zeros(8, 4, device=DEVICE)

    def scaled(self, h):
        match h.device:
            case self.device:
                return h * 2
            case _:
                return torch.stack([row * 2 for row in h])

    def rotated(self, h):
        self.tables.setdefault(h.device, torch.arange(4, device=h.device))
        return h * self.tables[self.device]

    def routed(self, h):
        if self.workspace.device != self.device:
            self.workspace = torch.zeros(8, 4, device=self.device)
        return h + self.workspace[: h.shape[0]]

    def forward(self, x, step=None, chunked=False):
        h = self.linear(x)
        h = h + (table(self.device, 4) if chunked else table(x.device, 4))
        return h if step is None else getattr(self, step)(h)


def build():
    return Runner().eval()


def regions(model):
    return [model.linear]


def call(*more):
    return (torch.ones(3, 4, device=DEVICE), *more), {}


def profile():
    return call()


def serving():
    steps = {step: call(step) for step in ("scaled", "rotated", "routed")}
    return {"whole": call(), "chunked": call(None, True)} | steps


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {
        "whole": [],
        "chunked": ["device-mismatch"],
        "scaled": ["device-mismatch"],
        "rotated": ["device-mismatch"],
        "routed": ["device-mismatch"],
    },
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {
        "chunked": "h = h + (table(self.device, 4) if chunked else table(x.device, 4))",
        "scaled": "case self.device:",
        "rotated": "return h * self.tables[self.device]",
        "routed": "if self.workspace.device != self.device:",
    },
}
