"""Warm-up passes past states as a tuple, the request handler as a list.  The forward only iterates, so eager mode
does not care; Dynamo guards the container's type, and the first request compiles again."""

import torch
import torch.nn as nn


class Mix(nn.Module):
    def forward(self, x, states):
        for state in states:
            x = torch.tanh(x + state)
        return x


def build():
    return Mix().eval()


def rows(seed):
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))


def profile():
    return (rows(0), (rows(1), rows(2))), {}


def serving():
    return {"tuple": ((rows(3), (rows(4), rows(5))), {}), "list": ((rows(3), [rows(4), rows(5)]), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"tuple": [], "list": ["input-structure"]},
    "silent_wrong": False,
    "recompiles": 1,
}
