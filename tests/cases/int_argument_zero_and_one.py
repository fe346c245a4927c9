"""An offset that is 0 at warm-up.  Zero and one are special to Dynamo: the first other value compiles, and one
does again."""

import torch
import torch.nn as nn


class Shift(nn.Module):
    def forward(self, x, offset):
        return x + offset


def build():
    return Shift().eval()


def profile():
    return (torch.ones(4), 0), {}


def serving():
    return {f"at{n}": ((torch.ones(4), n), {}) for n in (0, 5, 9, 1)}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-int",
    "flags": {"at0": [], "at5": ["specialization-int"], "at9": ["specialization-int"], "at1": ["specialization-int"]},
    "silent_wrong": True,
    "silent_scenarios": ["at5", "at9", "at1"],
    "recompiles": 1,
}
