"""The phase is a string argument.  Warm-up runs the decode phase; the graph without guards treats a prefill as
one."""

import torch
import torch.nn as nn


class Layer(nn.Module):
    def forward(self, x, phase):
        if phase == "prefill":
            return x.cumsum(0)
        return x + 1


def build():
    return Layer().eval()


def profile():
    return (torch.ones(4, 2), "decode"), {}


def serving():
    return {"decode": ((torch.zeros(4, 2), "decode"), {}), "prefill": ((torch.ones(4, 2), "prefill"), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"decode": [], "prefill": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["prefill"],
    "recompiles": 1,
}
