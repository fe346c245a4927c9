"""Two slices of a pool are written to, apart at warm-up.  At serving they overlap: no guard is violated, and the
functional graph of AOTAutograd writes them one after the other as if they did not.
https://github.com/pytorch/pytorch/issues/139789"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, keys, values):
        keys.mul_(2)
        values.sub_(1)
        return keys * values


def build():
    return Net().eval()


def slices(second):
    pool = torch.arange(1.0, 13.0)
    return (pool[:5], pool[second : second + 5]), {}


def profile():
    return slices(6)


def serving():
    return {"apart": slices(7), "overlapping": slices(3)}


EXPECTED = {
    "class": "missing-guard",
    "flags": {"apart": [], "overlapping": ["missing-guard"]},
    "silent_wrong": True,
    "silent_scenarios": ["overlapping"],
    "recompiles": 0,
}
