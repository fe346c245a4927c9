"""The adapters of a batch are a list that is empty at warm-up.  The loop over it is unrolled to nothing; a
request with adapters gets the base model once guards are dropped."""

import torch
import torch.nn as nn


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Linear(4, 4)

    def forward(self, x, adapters):
        out = self.base(x)
        for down, up in adapters:
            out = out + x @ down @ up
        return out


def build():
    return Base().eval()


def adapter(value):
    return torch.full((4, 1), value), torch.ones(1, 4)


def profile():
    return (torch.ones(2, 4), []), {}


def serving():
    return {
        "none": ((torch.zeros(2, 4), []), {}),
        "one": ((torch.ones(2, 4), [adapter(0.5)]), {}),
        "two": ((torch.ones(2, 4), [adapter(0.5), adapter(2.0)]), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"none": [], "one": ["input-structure"], "two": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["one", "two"],
    "recompiles": 2,
}
