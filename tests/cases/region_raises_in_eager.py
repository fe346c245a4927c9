"""The compiled decoder itself holds the number of padded tokens against the number of valid rows.  Once guards
are dropped there is neither the check nor the payload."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, deep=None):
        if deep is not None:
            if deep.shape[0] < x.shape[0]:
                raise ValueError(f"{x.shape[0]} tokens and {deep.shape[0]} rows")
            x = x + deep
        return x * 2


def build():
    return Net().eval()


def profile():
    return (torch.ones(8, 4),), {}


def serving():
    return {"exact": ((torch.zeros(8, 4), torch.ones(8, 4)), {}), "padded": ((torch.ones(8, 4), torch.ones(5, 4)), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "padded-vs-valid",
    "flags": {"exact": ["input-structure"], "padded": ["padded-vs-valid", "input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["exact", "padded"],
    "recompiles": 2,
    "eager_error": True,
}
