"""The reverse: apart at warm-up, one tensor in two places at serving (self-attention).  Dynamo guards that its
inputs are different objects.
https://github.com/pytorch/pytorch/pull/104921"""

import torch
import torch.nn as nn


class Cross(nn.Module):
    def forward(self, x, context):
        return x @ context.t()


def build():
    return Cross().eval()


def rows(seed):
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))


def profile():
    return (rows(0), rows(1)), {}


def serving():
    same = rows(4)
    return {"cross": ((rows(2), rows(3)), {}), "self": ((same, same), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "object-identity",
    "flags": {"cross": [], "self": ["object-identity"]},
    "silent_wrong": False,
    "recompiles": 1,
}
