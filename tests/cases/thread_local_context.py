"""The scale of the running request is a thread-local variable at module level."""

import threading

import torch
import torch.nn as nn

LOCAL = threading.local()
LOCAL.scale = 1.0


class Net(nn.Module):
    def forward(self, x):
        return x * LOCAL.scale


def build():
    LOCAL.scale = 1.0
    return Net().eval()


def before(model, name):
    LOCAL.scale = 3.0 if name == "other" else 1.0


def profile():
    return (torch.ones(4),), {}


def serving():
    return {name: ((torch.ones(4),), {}) for name in ("same", "other")}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-float",
    "also": ["global-state"],
    "flags": {"same": [], "other": ["specialization-float"]},
    "silent_wrong": True,
    "silent_scenarios": ["other"],
    "recompiles": 1,
}
